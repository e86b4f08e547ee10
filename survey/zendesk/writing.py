"""What we write to tickets at Zendesk: tags, and internal notes."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Protocol

from survey.delivery.failures import DeliveryError, FailureKind
from survey.settings import Settings
from survey.zendesk.client import ZendeskClient
from survey.zendesk.errors import ZendeskError
from survey.zendesk.notes import format_note, is_noted

_NOT_FOUND = 404
_UNPROCESSABLE = 422


class TicketWriter(Protocol):
    """An object that writes to tickets. Its methods raise DeliveryError if nothing was written."""

    def replace_tags(
        self, ticket_ids: Sequence[str], add: Sequence[str], remove: Sequence[str]
    ) -> Mapping[str, DeliveryError]:
        """Give each of these tickets, up to 100, the tags `add` and none of `remove`; return why
        not, for those that were refused. It may be done again."""

    def add_note(self, ticket_id: str, text: str) -> None:
        """Add an internal note, unless it is the newest one about a comment already, or the ticket
        is closed."""


class ZendeskWriter:
    """Writes by Zendesk's API. Nothing is tried again here: whoever has the outbox does that."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def replace_tags(
        self, ticket_ids: Sequence[str], add: Sequence[str], remove: Sequence[str]
    ) -> dict[str, DeliveryError]:
        """Give each of these tickets, up to 100, the tags `add` and none of `remove`; return why
        not, for those that were refused. Raise DeliveryError if nothing was written."""
        with closing(self._connect()) as client:
            try:
                refused = client.replace_tags(ticket_ids, add, remove)
            except ZendeskError as error:
                if error.status == _NOT_FOUND:
                    # A ticket that is not there is refused by itself; this is about the address.
                    raise _failure(error, FailureKind.NEEDS_OPERATOR) from None
                raise _failure(error) from None
        return {ticket_id: _refusal(reason) for ticket_id, reason in refused.items()}

    def add_note(self, ticket_id: str, text: str) -> None:
        """Add an internal note, unless it is the newest one about a comment already, or the ticket
        is closed. Raise DeliveryError if it could not be written.

        The notes are read first, because nobody else knows whether a note was written before a
        crash.
        """
        with closing(self._connect()) as client:
            try:
                if not is_noted(text, client.list_notes(ticket_id)):
                    client.add_note(ticket_id, format_note(text))
            except ZendeskError as error:
                if error.status == _UNPROCESSABLE and _is_closed(client, ticket_id):
                    return
                raise _failure(error) from None

    def _connect(self) -> ZendeskClient:
        return ZendeskClient.of(self._settings, attempts=1)


def _is_closed(client: ZendeskClient, ticket_id: str) -> bool:
    try:
        found = client.find_ticket(ticket_id)
    except ZendeskError as error:
        raise _failure(error) from None
    return found is None or found.get("status") == "closed"


def _failure(error: ZendeskError, kind: FailureKind | None = None) -> DeliveryError:
    return DeliveryError(kind or error.kind, str(error), error.error_message, error.retry_after)


def _refusal(reason: str) -> DeliveryError:
    """Return the failure of one ticket. A conflict means that somebody was changing the ticket at
    this moment."""
    kind = FailureKind.DEFERRED if "Conflict" in reason else FailureKind.REJECTED
    return DeliveryError(kind, reason)
