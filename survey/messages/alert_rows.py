"""The rows of the outbox for a response with a low rating. Pure.

A row holds ids alone: what is sent is composed when it is sent, from the response of that time.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from survey.recipients import find_recipients
from survey.settings import Settings
from survey.store.messages import NewMessage
from survey.store.models import Channel


@dataclass(frozen=True)
class AlertPayload:
    """The payload of an alert's row: the response, the address that a mail goes to, and once a
    worker has put it into a message, the key of that message."""

    submission_id: str
    recipient: str | None = None
    sent_as: str | None = None

    @classmethod
    def parse(cls, payload: str) -> Self:
        """Return the payload that a row holds."""
        return cls(**json.loads(payload))

    def __str__(self) -> str:
        return json.dumps({name: each for name, each in vars(self).items() if each is not None})


def raises_alerts(settings: Settings) -> bool:
    """Return whether anybody is to hear of low ratings."""
    return settings.alert_webhook is not None or bool(settings.alert_recipients)


def alert_rows(
    ticket_id: str, submission_id: str, team: str, settings: Settings, at: datetime
) -> Iterator[NewMessage]:
    """Yield a row for the webhook, and one for each address that gets the team's alerts. They wait
    until the answer has settled."""
    available_at = at + settings.settling_delay
    if settings.alert_webhook is not None:
        key = f"alert:webhook:{submission_id}"
        payload = str(AlertPayload(submission_id))
        yield NewMessage(key, Channel.ALERT_WEBHOOK, ticket_id, payload, available_at)
    for recipient in find_recipients(settings.alert_recipients, team):
        # Each address gets a mail of its own, so that one that is refused delays no other.
        key = f"alert:mail:{recipient}:{submission_id}"
        payload = str(AlertPayload(submission_id, recipient))
        yield NewMessage(key, Channel.ALERT_MAIL, ticket_id, payload, available_at)
