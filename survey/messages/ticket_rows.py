"""The rows of the outbox for a response that goes back to its ticket at Zendesk.

A row says only that the ticket is to be looked at: what is written is what is true then. Each
change adds rows of its own, so that receiving an answer never waits for a worker that has an
earlier row; the worker makes one write of them.
"""

from collections.abc import Iterator
from datetime import datetime
from enum import StrEnum
from uuid import uuid4

from survey.rules import Response
from survey.settings import Settings
from survey.store.messages import NewMessage
from survey.store.models import Channel
from survey.vocabulary import Trust

# The numbers of Zendesk's tickets are not longer.
_MOST_DIGITS = 18


class TicketTask(StrEnum):
    """What a row brings to its ticket; its key begins with this word."""

    TAG = "ticket_tag"
    NOTE = "ticket_note"

    @property
    def prefix(self) -> str:
        """The beginning of the keys of such rows."""
        return f"{self}:"

    @classmethod
    def of_key(cls, key: str) -> "TicketTask":
        """Return what the row with this key brings."""
        return cls(key.partition(":")[0])


def writes_back(settings: Settings) -> bool:
    """Return whether ratings go to their tickets."""
    return settings.zendesk_write_back != "off"


def writes_notes(settings: Settings) -> bool:
    """Return whether comments go to their tickets, too."""
    return settings.zendesk_write_back == "tag+note"


def rows_of_change(
    ticket_id: str,
    before: Response | None,
    after: Response,
    settings: Settings,
    available_at: datetime,
) -> Iterator[NewMessage]:
    """Yield the rows for a response that is new, or has changed."""
    trust = after.latest.trust
    yield from rows_of_tag(ticket_id, trust, settings, available_at)
    comment, known = after.latest.comment, before.latest.comment if before else None
    if comment and comment != known and writes_notes(settings) and _is_of_zendesk(ticket_id):
        yield _row(TicketTask.NOTE, ticket_id, trust, available_at)


def rows_of_tag(
    ticket_id: str, trust: Trust, settings: Settings, available_at: datetime
) -> Iterator[NewMessage]:
    """Yield the row for the tag of a ticket whose response has changed, or is gone; none for a
    ticket that cannot be one of Zendesk's. `trust` is that of the response."""
    if writes_back(settings) and _is_of_zendesk(ticket_id):
        yield _row(TicketTask.TAG, ticket_id, trust, available_at)


def _row(task: TicketTask, ticket_id: str, trust: Trust, available_at: datetime) -> NewMessage:
    key = f"{task.prefix}{uuid4()}"
    return NewMessage(key, Channel.ZENDESK, ticket_id, trust.value, available_at)


def _is_of_zendesk(ticket_id: str) -> bool:
    return ticket_id.isascii() and ticket_id.isdigit() and len(ticket_id) <= _MOST_DIGITS
