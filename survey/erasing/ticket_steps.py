"""Erases who asked at the help desk, and who is invited."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from survey.erasing.step import Changes, Row, Step, Work
from survey.erasing.target import Kind, Target
from survey.invitations.payload import InvitationPayload
from survey.store.erasing import (
    Condition,
    Rows,
    concerns_invitations,
    concerns_tickets,
    concerns_waiting_invitations,
    forget_customers,
    remove_rows,
)
from survey.store.inviting import save_outcome
from survey.store.models import (
    InvitationRow,
    OutboxRow,
    TicketRow,
)
from survey.vocabulary import InvitationOutcome


class TicketsStep(Step):
    """The tickets of the help desk."""

    def __init__(self) -> None:
        super().__init__(Kind.TICKETS, TicketRow.ticket_id)

    def condition(self, _connection: Connection, target: Target) -> Condition:
        """Return the condition of the tickets."""
        return concerns_tickets(target)

    def change(self, row: Row, target: Target) -> dict[str, Any] | None:
        """Return the columns without the requester, for whom a pseudonym stands."""
        external_id = row["requester_external_id"]
        at = row["updated_at"] if target.before else _opened_at(row)
        if not target.covers(at):
            return None
        pseudonym = target.find_pseudonym(external_id, at)
        if pseudonym is None and external_id is None and target.person is not None:
            pseudonym = target.person.pseudonym
        kept = {
            "requester_external_id": pseudonym or external_id,
            "requester_email": None,
            "customer": None,
        }
        return None if all(row[name] == value for name, value in kept.items()) else kept

    def lock(self, connection: Connection, keys: Sequence[Any], work: Work) -> None:
        """Keep all others from changing the tickets."""
        work.database.lock_invitations(connection)
        work.database.lock_tickets(connection, sorted(keys))


class WaitingInvitationsStep(Step):
    """The invitations that were not sent: nobody is asked any more."""

    locks_rows = True

    def __init__(self) -> None:
        super().__init__(Kind.WAITING_INVITATIONS, OutboxRow.id)

    def condition(self, connection: Connection, target: Target) -> Condition:
        """Return the condition of the invitations."""
        return concerns_waiting_invitations(connection, target)

    def change(self, row: Row, target: Target) -> dict[str, Any] | None:
        """Return no columns: the row goes."""
        if not target.covers(row["created_at"]):
            return None
        if target.person is None:
            return {}
        payload = InvitationPayload.parse(row["payload"])
        mail = target.person.distinct_id.strip().lower()
        named = payload.external_id in target.person.names or payload.recipient.lower() == mail
        return {} if named or payload.customer in target.person.customers else None

    def lock(self, connection: Connection, _keys: Sequence[Any], work: Work) -> None:
        """Keep all others from deciding who is asked."""
        work.database.lock_invitations(connection)

    def write(self, connection: Connection, _rows: Rows, changes: Changes) -> None:
        """Delete the rows."""
        remove_rows(connection, self.key, list(changes))

    def follow(
        self, connection: Connection, rows: Rows, changes: Changes, work: Work
    ) -> Counter[Kind]:
        """Keep why nobody was asked, and no customer."""
        tickets = [rows[key]["ticket_id"] for key in changes]
        for ticket_id in tickets:
            outcome = InvitationOutcome.NO_ADDRESS
            save_outcome(connection, ticket_id, outcome, work.target.at)
        return Counter({Kind.INVITATIONS: forget_customers(connection, tickets)})


class InvitationsStep(Step):
    """The decisions who is asked."""

    def __init__(self) -> None:
        super().__init__(Kind.INVITATIONS, InvitationRow.ticket_id)

    def condition(self, _connection: Connection, target: Target) -> Condition:
        """Return the condition of the decisions."""
        return concerns_invitations(target)

    def change(self, row: Row, target: Target) -> dict[str, Any] | None:
        """Return no customer."""
        at = row["asked_at"] or row["decided_at"]
        return {"customer": None} if target.covers(at) else None

    def lock(self, connection: Connection, _keys: Sequence[Any], work: Work) -> None:
        """Keep all others from deciding who is asked."""
        work.database.lock_invitations(connection)


def _opened_at(row: Row) -> datetime:
    """Return when a ticket was opened at the help desk: at the latest when we heard of it."""
    first_seen_at: datetime = row["first_seen_at"]
    return min(row["created_at"] or first_seen_at, first_seen_at)
