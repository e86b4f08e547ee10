"""Invitations and tickets to fill a store with, as the parts that decide and import write them."""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import delete, insert, select

from survey.store.changes import note_instants
from survey.store.database import Database
from survey.store.models import InvitationRow, TicketRow
from survey.vocabulary import InvitationOutcome, Plan, TicketStatus

NOON = datetime(2026, 10, 14, 12, tzinfo=UTC)


@dataclass(frozen=True)
class GivenInvitation:
    """What was decided for a ticket: by default its customer was asked at noon."""

    ticket_id: str
    asked_at: datetime | None = NOON
    outcome: InvitationOutcome = InvitationOutcome.SENT
    decided_at: datetime = NOON
    team: str = "surveys"
    plan: Plan = Plan.SCALE
    language: str | None = "en"


def invite(database: Database, *invitations: GivenInvitation) -> None:
    """Keep what was decided, in place of what was decided for the same tickets before."""
    with database.writing() as connection:
        database.lock_tickets(connection, sorted(each.ticket_id for each in invitations))
        for each in invitations:
            of_ticket = InvitationRow.ticket_id == each.ticket_id
            times = select(InvitationRow.decided_at, InvitationRow.asked_at).where(of_ticket)
            before = connection.execute(times).first() or ()
            connection.execute(delete(InvitationRow).where(of_ticket))
            row = {**asdict(each), "means": "smtp", "solved_at": each.decided_at, "customer": None}
            connection.execute(insert(InvitationRow), row)
            instants = (*before, each.decided_at, each.asked_at)
            note_instants(connection, [at for at in instants if at is not None])


def not_asked(ticket_id: str, outcome: InvitationOutcome, **given: Any) -> GivenInvitation:
    """What was decided for a ticket whose customer was not asked."""
    return GivenInvitation(ticket_id, None, outcome, **given)


def keep_ticket(database: Database, ticket_id: str, **given: Any) -> None:
    """Keep a ticket that was solved at noon, unless something else is given."""
    row = dict.fromkeys(TicketRow.__table__.columns.keys())
    row |= {
        "ticket_id": ticket_id,
        "status": TicketStatus.SOLVED.value,
        "team": "surveys",
        "plan": Plan.SCALE.value,
        "priority": "high",
        "plan_by_hand": False,
        "is_surveyed": False,
        "is_excluded": False,
        "solved_at": NOON,
        "updated_at": NOON,
        "first_seen_at": NOON,
    }
    with database.writing() as connection:
        connection.execute(insert(TicketRow), row | given)
