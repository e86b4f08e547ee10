"""The receipt in the thank-you page's address: it lets that page, for ten minutes, show the
answer just sent. No cookie and no storage is needed for it."""

import hashlib
import hmac

from itsdangerous import BadData, TimestampSigner

from survey.links import Link
from survey.rules import Answer
from survey.site.context import SurveySite
from survey.store.errors import StoreError
from survey.store.responses import find_answer

VALID_FOR_SECONDS = 600


def receipt_signer(secret_key: str) -> TimestampSigner:
    """Signs receipts, and nothing else, with the site's secret."""
    # Derived here, once, and not for each signature.
    key = hmac.digest(secret_key.encode(), b"receipt", "sha256")
    return TimestampSigner(key, key_derivation="none", digest_method=hashlib.sha256)


def issue_receipt(site: SurveySite, answer_uuid: str) -> str:
    """Return a receipt for an answer that was stored."""
    return site.receipt_signer.sign(answer_uuid).decode()


def read_receipt(site: SurveySite, receipt: str, link: Link) -> Answer | None:
    """Return the answer that a receipt is for; None if it is not valid any more, or not for this
    link."""
    try:
        uuid = site.receipt_signer.unsign(receipt, max_age=VALID_FOR_SECONDS).decode()
        with site.database.reading() as connection:
            answer = find_answer(connection, uuid)
    except (BadData, StoreError):
        return None
    if answer is None or (answer.ticket_id, answer.distinct_id) != (link.ticket_id, link.person):
        return None
    return answer
