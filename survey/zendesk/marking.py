"""Marks tickets at Zendesk as those whose customers are asked, before anybody is."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from survey.delivery.failures import DeliveryError, FailureKind
from survey.vocabulary import TicketStatus
from survey.zendesk.client import ZendeskClient
from survey.zendesk.errors import ZendeskError
from survey.zendesk.tickets import MERGED_TAG, SURVEYED_TAG, read_status

# Stands beside `csat_sent` where we have set it. So after a crash, or an answer of Zendesk that was
# lost, we know our own tag from that of an automation, which has sent a mail.
OUR_TAG = "csat_invited"


@dataclass(frozen=True)
class TicketAtZendesk:
    """A ticket as it is at Zendesk now. `is_surveyed` says that it has the tag `csat_sent`, and
    `is_ours` that we have set it; `updated_at` is as Zendesk writes it."""

    ticket_id: str
    status: TicketStatus
    is_surveyed: bool
    is_ours: bool
    updated_at: str


class TicketMarker:
    """Sets and takes back our tags, and sets the field of the link. All methods raise
    DeliveryError."""

    def __init__(self, client: ZendeskClient, link_field: str | None) -> None:
        self._client = client
        self._link_field = link_field

    def find(self, ticket_id: str) -> TicketAtZendesk:
        """Return a ticket as it is now; one that is deleted or merged is gone."""
        with _as_delivery_errors():
            found = self._client.find_ticket(ticket_id)
        if found is None:
            return TicketAtZendesk(ticket_id, TicketStatus.GONE, False, False, "")
        tags = set(found.get("tags") or ())
        status = read_status(str(found.get("status") or ""))
        return TicketAtZendesk(
            ticket_id=ticket_id,
            status=TicketStatus.GONE if MERGED_TAG in tags else status,
            is_surveyed=SURVEYED_TAG in tags,
            is_ours=OUR_TAG in tags,
            updated_at=str(found.get("updated_at") or ""),
        )

    def mark(self, ticket: TicketAtZendesk) -> bool:
        """Set our tags; return False if the ticket has changed since it was found.

        A closed ticket takes tags only without this condition. It needs none: no automation acts on
        a closed ticket, and it is never open again.
        """
        tags = [SURVEYED_TAG, OUR_TAG]
        with _as_delivery_errors():
            if ticket.status is not TicketStatus.CLOSED:
                return self._client.add_tags_if_unchanged(ticket.ticket_id, tags, ticket.updated_at)
            self._replace(ticket.ticket_id, add=tags, remove=[])
        return True

    def unmark(self, ticket_id: str) -> None:
        """Take our tags back: nobody is asked after all."""
        with _as_delivery_errors():
            self._replace(ticket_id, add=[], remove=[SURVEYED_TAG, OUR_TAG])

    def set_link(self, ticket_id: str, link: str) -> None:
        """Set the field that takes the survey link, of a ticket that is not closed."""
        assert self._link_field is not None
        with _as_delivery_errors():
            self._client.set_field(ticket_id, self._link_field, link)

    def _replace(self, ticket_id: str, *, add: list[str], remove: list[str]) -> None:
        for refusal in self._client.replace_tags([ticket_id], add, remove).values():
            raise DeliveryError(FailureKind.REJECTED, refusal)


@contextmanager
def _as_delivery_errors() -> Iterator[None]:
    try:
        yield
    except ZendeskError as error:
        raise DeliveryError(
            error.kind, str(error), error.error_message, error.retry_after
        ) from None
