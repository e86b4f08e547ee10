"""The receipt in the thank-you page's address. For ten minutes it lets that page show the answer
that was just sent. The receipt needs no cookie and no storage."""

import hashlib
from collections.abc import Sequence

from itsdangerous import BadData, TimestampSigner

from survey.links import Link
from survey.pseudonyms import is_same_person
from survey.rules import Answer
from survey.signing_keys import derive_keys
from survey.site.context import SurveySite
from survey.store.errors import StoreError
from survey.store.responses import find_answer

VALID_FOR_SECONDS = 600


def receipt_signer(secret_keys: Sequence[str]) -> TimestampSigner:
    """Return a signer for receipts, and for nothing else, that uses the site's secrets."""
    # The keys are derived here once, and not for each signature.
    keys = derive_keys(secret_keys, "receipt")
    return TimestampSigner(keys, key_derivation="none", digest_method=hashlib.sha256)


def issue_receipt(site: SurveySite, answer_uuid: str) -> str:
    """Return a receipt for an answer that was stored."""
    return site.receipt_signer.sign(answer_uuid).decode()


def read_receipt(site: SurveySite, receipt: str, link: Link) -> Answer | None:
    """Return the answer that a receipt belongs to. Return None if the receipt is not valid, or
    not for this link, or if the store cannot be read."""
    try:
        uuid = site.receipt_signer.unsign(receipt, max_age=VALID_FOR_SECONDS).decode()
        with site.database.reading() as connection:
            answer = find_answer(connection, uuid)
    except (BadData, StoreError):
        return None
    if answer is None or answer.ticket_id != link.ticket_id:
        return None
    # The person may have been erased since.
    is_own = is_same_person(answer.distinct_id, link.person, site.rules.secrets)
    return answer if is_own else None
