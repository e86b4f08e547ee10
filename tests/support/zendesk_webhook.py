"""Zendesk's webhook, as its trigger sends it: each value is a text, times are to the minute."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from survey.zendesk.signature import sign_delivery

WEBHOOK_SECRET = "signs what Zendesk sends"

# Jane's ticket 42, solved by web analytics.
SOLVED = {
    "ticket_id": "42",
    "status": "Solved",
    "requester_external_id": "jane",
    "requester_email": "jane@example.com",
    "requester_name": "Jane Doe",
    "group": "Web Analytics",
    "priority": "Urgent",
    "severity": "high",
    "language": "de",
    "channel": "Mail",
    "created_at": "2026-10-11T08:00Z",
    "solved_at": "2026-10-14T11:30:00+02:00",
    "updated_at": "2026-10-14T09:30Z",
    "tags": ["vip"],
}


def webhook_body(**given: Any) -> bytes:
    """The body of a webhook about Jane's ticket, with these values changed or added."""
    return json.dumps({**SOLVED, **given}).encode()


def webhook_headers(
    body: bytes, at: datetime, invocation_id: str = "", secret: str = WEBHOOK_SECRET
) -> Mapping[str, str]:
    """The headers of a delivery that is signed at a time."""
    timestamp = f"{at:%Y-%m-%dT%H:%M:%SZ}"
    return {
        "Content-Type": "application/json",
        "X-Zendesk-Webhook-Signature": sign_delivery(secret, timestamp, body),
        "X-Zendesk-Webhook-Signature-Timestamp": timestamp,
        "X-Zendesk-Webhook-Invocation-Id": invocation_id,
    }
