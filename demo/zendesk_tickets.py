"""The tickets of the demo's help desk: those of the store, as if they had come from there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, or_, select

from demo.zendesk_desk import Desk, DeskTicket
from demo.zendesk_sample import EXCLUDED_TAG, address_of
from survey.messages.ticket_preparer import RATING_TAGS
from survey.settings import Settings
from survey.store.database import Database
from survey.store.models import Channel, InvitationRow, OutboxRow, ResponseRow, TicketRow
from survey.store.outbox import WAITING
from survey.store.tickets import read_ticket
from survey.vocabulary import TicketStatus
from survey.zendesk.marking import OUR_TAG
from survey.zendesk.tickets import DONE, SURVEYED_TAG, Ticket

# The ticket field that holds the severity.
SEVERITY_FIELD = 360_001
# How long tickets are kept after their last change.
KEPT = timedelta(days=40)
# The visitor's tickets begin here, behind those of the survey links of every day.
VISITORS_FIRST = 9_000_001


def fill_desk(desk: Desk, database: Database, settings: Settings, until: datetime) -> None:
    """Put the tickets of the store into the help desk, with the tags that they had there."""
    with database.reading() as connection:
        filling = _Filling(desk, settings, _tags_of_tickets(connection))
        recent = or_(
            TicketRow.updated_at >= until - KEPT,
            TicketRow.status.not_in([status.value for status in DONE]),
        )
        found = select(TicketRow.__table__).where(
            recent, TicketRow.status != TicketStatus.GONE.value
        )
        rows = connection.execute(found).mappings()
        for row in rows:
            filling.keep(read_ticket(dict(row)))
    desk.next_number = max(VISITORS_FIRST, desk.next_number)


def _tags_of_tickets(connection: Connection) -> Mapping[str, list[str]]:
    """Return the tags that we have given to tickets: those of our invitations, and of ratings. A
    rating that waits in the outbox has not come there."""
    tags: dict[str, list[str]] = {}
    asked = select(InvitationRow.ticket_id).where(InvitationRow.means == "smtp")
    for ticket_id in connection.scalars(asked):
        tags.setdefault(ticket_id, []).append(OUR_TAG)
    waiting = select(OutboxRow.ticket_id).where(
        OutboxRow.channel == Channel.ZENDESK.value, *WAITING
    )
    rated = select(ResponseRow.ticket_id, ResponseRow.rating).where(
        ResponseRow.ticket_id.not_in(waiting)
    )
    for ticket_id, rating in connection.execute(rated):
        tags.setdefault(ticket_id, []).append(RATING_TAGS[rating])
    return tags


@dataclass
class _Filling:
    """Puts tickets into a help desk, with their customers and groups."""

    desk: Desk
    settings: Settings
    tags: Mapping[str, list[str]]
    _users: dict[tuple[str, str | None], int] = field(default_factory=dict)
    _groups: dict[str, int] = field(default_factory=dict)

    def keep(self, ticket: Ticket) -> None:
        """Put a ticket into the help desk."""
        tags = [SURVEYED_TAG] if ticket.is_surveyed else []
        excluded = [EXCLUDED_TAG] if ticket.is_excluded else []
        self.desk.keep_ticket(
            DeskTicket(
                id=int(ticket.ticket_id),
                requester_id=self._user(ticket),
                group_id=self._group(ticket.team),
                priority=ticket.priority,
                channel=ticket.channel or "email",
                created_at=ticket.created_at or ticket.updated_at,
                updated_at=ticket.updated_at,
                generated_at=int(ticket.updated_at.timestamp()),
                status=ticket.status.value,
                tags=[*tags, *excluded, *self.tags.get(ticket.ticket_id, ())],
                fields={SEVERITY_FIELD: ticket.severity},
                solved_at=ticket.solved_at,
            )
        )

    def _user(self, ticket: Ticket) -> int:
        person = ticket.requester_external_id or f"somebody-{ticket.ticket_id}"
        key = (person, ticket.language)
        if key not in self._users:
            # The store has forgotten the address of everybody who was asked.
            address = ticket.requester_email or address_of(person)
            self._users[key] = self.desk.add_user(
                address, ticket.requester_external_id, ticket.language or "en"
            )
        return self._users[key]

    def _group(self, team: str) -> int:
        if team not in self._groups:
            names = {each.slug: each.name for each in self.settings.teams}
            self._groups[team] = self.desk.add_group(names.get(team, team))
        return self._groups[team]
