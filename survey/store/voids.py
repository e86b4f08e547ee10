"""Void tickets, whose answers count nowhere, and the record of their changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, insert, select

from survey.errors import CsatError
from survey.store.changes import note_tickets, note_waits
from survey.store.models import VoidChangeRow, VoidRow
from survey.store.responses import find_response, remove_response

_VOID_AMONG = select(VoidRow.ticket_id).where(
    VoidRow.ticket_id.in_(bindparam("ticket_ids", expanding=True))
)
_IS_VOID = select(VoidRow.ticket_id).where(VoidRow.ticket_id == bindparam("ticket_id"))
_CHANGES = (
    select(VoidChangeRow.is_void, VoidChangeRow.reason, VoidChangeRow.changed_at)
    .where(VoidChangeRow.ticket_id == bindparam("ticket_id"))
    .order_by(VoidChangeRow.id.desc())
)


class NotVoid(CsatError):
    """The error that a ticket is not void."""


@dataclass(frozen=True)
class VoidChange:
    """A change of a ticket: it was made void, or counts again; when, and why."""

    is_void: bool
    reason: str
    changed_at: datetime


def void_ticket(connection: Connection, ticket_id: str, reason: str, now: datetime) -> bool:
    """Take a ticket's answers out of every number; return False if it was void already."""
    if is_void(connection, ticket_id):
        return False
    response = find_response(connection, ticket_id)
    connection.execute(
        insert(VoidRow),
        {
            "ticket_id": ticket_id,
            "reason": reason,
            "voided_at": now,
            "submission_id": response.submission_id if response else None,
        },
    )
    _record(connection, ticket_id, VoidChange(is_void=True, reason=reason, changed_at=now))
    # This notes the ticket also where it had no response.
    remove_response(connection, ticket_id)
    return True


def lift_void(connection: Connection, ticket_id: str, reason: str, now: datetime) -> str | None:
    """Let a ticket count again; return the submission id of its earlier response, or None.

    The caller must save the ticket's new response in the same transaction. Raises NotVoid if the
    ticket is not void.
    """
    lifted = delete(VoidRow).where(VoidRow.ticket_id == ticket_id).returning(VoidRow.submission_id)
    row = connection.execute(lifted).first()
    if row is None:
        raise NotVoid(f"ticket {ticket_id} is not void")
    _record(connection, ticket_id, VoidChange(is_void=False, reason=reason, changed_at=now))
    note_tickets(connection, [ticket_id])
    return None if row.submission_id is None else str(row.submission_id)


def is_void(connection: Connection, ticket_id: str) -> bool:
    """Return whether a ticket is void."""
    return connection.execute(_IS_VOID, {"ticket_id": ticket_id}).first() is not None


def list_void_changes(connection: Connection, ticket_id: str) -> list[VoidChange]:
    """Return every change of a ticket, to void and back; the latest first."""
    rows = connection.execute(_CHANGES, {"ticket_id": ticket_id})
    return [VoidChange(row.is_void, row.reason, row.changed_at) for row in rows]


def void_tickets(connection: Connection) -> frozenset[str]:
    """Return all void tickets."""
    return frozenset(connection.scalars(select(VoidRow.ticket_id)))


def void_among(connection: Connection, ticket_ids: Sequence[str]) -> frozenset[str]:
    """Return which of these tickets are void."""
    return frozenset(connection.scalars(_VOID_AMONG, {"ticket_ids": ticket_ids}))


def _record(connection: Connection, ticket_id: str, change: VoidChange) -> None:
    note_waits(connection)
    connection.execute(
        insert(VoidChangeRow),
        {
            "ticket_id": ticket_id,
            "is_void": change.is_void,
            "reason": change.reason,
            "changed_at": change.changed_at,
        },
    )
