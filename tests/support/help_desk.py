"""A help desk whose tickets reach the store, as its webhook would tell of them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from demo.zendesk_desk import DeskTicket
from demo.zendesk_standin import ZendeskStandIn
from survey.invitations.inviting import invite_due
from survey.messages.worker import Sent, send_due
from survey.settings import Settings
from survey.store.database import Database
from survey.store.inviting import Invitation, find_invitation
from survey.store.models import Channel
from survey.store.tickets import find_ticket, save_updates
from survey.zendesk.tickets import Ticket, TicketUpdate, read_status
from tests.support.clock import Clock

DELAY = timedelta(hours=72)
AT = datetime.fromisoformat("2026-10-01T09:00:00+00:00")


def ticket_update(ticket_id: str = "1", **given: Any) -> TicketUpdate:
    """What the help desk says of a solved ticket of Jane's."""
    values: dict[str, Any] = {
        "ticket_id": ticket_id,
        "status": read_status("solved"),
        "updated_at": AT,
        "solved_at": AT,
        "requester_external_id": "jane",
        "requester_email": "jane@example.com",
        "team": "surveys",
        "priority": "high",
        "language": "de",
    }
    return TicketUpdate(**{**values, **given})


@dataclass
class Invitations:
    """The store, and what happens to it as time goes by."""

    database: Database
    settings: Settings
    clock: Clock

    def tell(self, *updates: TicketUpdate) -> None:
        """The help desk tells of tickets."""
        with self.database.writing() as connection:
            save_updates(self.database, connection, updates, self.settings, self.clock())

    def solve(self, *ticket_ids: str, **given: Any) -> None:
        """Tickets are solved now."""
        now = self.clock()
        times = {"updated_at": now, "solved_at": now}
        self.tell(*(ticket_update(each, **{**times, **given}) for each in ticket_ids))

    def decide(self) -> str | None:
        """Decide whom to ask."""
        return invite_due(self.database, self.settings, self.clock())

    def send(self) -> Sent:
        """Send the invitations."""
        return send_due(self.database, self.settings, self.clock, channels=[Channel.INVITATION])

    def tick(self) -> Sent:
        """Decide whom to ask, and ask them."""
        self.decide()
        return self.send()

    def ticket(self, ticket_id: str = "1") -> Ticket:
        """A ticket as it is kept."""
        with self.database.reading() as connection:
            found = find_ticket(connection, ticket_id)
        assert found is not None
        return found

    def invitation(self, ticket_id: str = "1") -> Invitation | None:
        """What was decided about a ticket."""
        with self.database.reading() as connection:
            return find_invitation(connection, ticket_id)

    def outcome(self, ticket_id: str = "1") -> str | None:
        """The outcome for a ticket; None if nothing was decided."""
        invitation = self.invitation(ticket_id)
        return invitation.outcome.value if invitation else None


@dataclass
class HelpDesk:
    """A stand-in for Zendesk, and the store that hears of its tickets."""

    standin: ZendeskStandIn
    invitations: Invitations

    def create(self, email: str = "jane@example.com", external_id: str | None = "jane") -> int:
        """A customer writes a ticket."""
        user = self.standin.desk.add_user(email, external_id, "de")
        group = self.standin.desk.add_group("Surveys")
        return self.standin.desk.create_ticket(user, group)

    def solve(self, number: int) -> None:
        """An agent replies and solves a ticket; the store hears of it."""
        self.standin.desk.reply(number, "solved")
        self.tell(number)

    def write(self, number: int) -> None:
        """The customer writes again; the store hears of it."""
        self.standin.desk.write(number)
        self.tell(number)

    def tell(self, number: int) -> None:
        """The store hears of a ticket as it is now."""
        ticket: DeskTicket = self.standin.desk.tickets[number]
        user = self.standin.desk.users[ticket.requester_id]
        self.invitations.tell(
            TicketUpdate(
                ticket_id=str(number),
                status=read_status(ticket.status),
                updated_at=ticket.updated_at,
                requester_external_id=user["external_id"],
                requester_email=user["email"],
                team="surveys",
                language=user["locale"],
                tags=frozenset(ticket.tags),
                solved_at=ticket.solved_at,
            )
        )

    def tags(self, number: int) -> list[str]:
        """The tags of a ticket."""
        return self.standin.desk.tickets[number].tags
