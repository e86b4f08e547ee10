"""The signature of Zendesk's webhooks: who sent a delivery, and when. Pure."""

import base64
import hmac
from datetime import datetime, timedelta

from survey.zendesk.values import read_time

# A delivery that somebody has recorded cannot be sent again after this time.
LONGEST_SKEW = timedelta(minutes=5)


def find_fault(
    *, secret: str, signature: str, timestamp: str, body: bytes, now: datetime
) -> str | None:
    """Return why a delivery is not believed, or None if Zendesk sent it, and sent it now.

    `signature` and `timestamp` stand as in the headers of the delivery; a missing one is blank. The
    time that this takes tells nothing about the signature that would be right.
    """
    expected = sign_delivery(secret, timestamp, body)
    if not hmac.compare_digest(expected.encode(), signature.encode()):
        return "its signature is not by CSAT_ZENDESK_WEBHOOK_SECRET"
    signed_at = read_time(timestamp)
    if signed_at is None:
        return "its timestamp is not a time with an offset"
    if abs(now - signed_at) > LONGEST_SKEW:
        minutes = LONGEST_SKEW // timedelta(minutes=1)
        return f"its timestamp and the clock of this machine are over {minutes} minutes apart"
    return None


def sign_delivery(secret: str, timestamp: str, body: bytes) -> str:
    """Return the signature of a delivery: Base64 of HMAC-SHA256 over timestamp and body."""
    digest = hmac.digest(secret.encode(), timestamp.encode() + body, "sha256")
    return base64.b64encode(digest).decode()
