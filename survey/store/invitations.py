"""Counts of who was asked, who answered, and why others were not asked.

An invitation is known by its `asked_at`, whoever sent it. Whether it was answered depends on the
table `responses`, so the counts are right only if that was derived by the current settings.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Connection, Select, bindparam, case, func, null, select

from survey.store.models import InvitationRow, ResponseRow, TicketRow
from survey.vocabulary import InvitationOutcome, Plan

_OPENS_AT: BindParameter[datetime] = bindparam("opens_at")
_CLOSES_AT: BindParameter[datetime] = bindparam("closes_at")
_ASKED_AT, _DECIDED_AT = InvitationRow.asked_at, InvitationRow.decided_at
_VALUES = (InvitationRow.team, InvitationRow.plan, InvitationRow.language)

_FIRST = select(func.min(_ASKED_AT))
_LAST_SENT = (
    select(_ASKED_AT)
    .where(_ASKED_AT.is_not(None), InvitationRow.outcome == InvitationOutcome.SENT.value)
    .order_by(_ASKED_AT.desc())
    .limit(1)
)
_INVITED = (
    select(*_VALUES, func.count(), func.count(ResponseRow.ticket_id))
    .join_from(
        InvitationRow, ResponseRow, InvitationRow.ticket_id == ResponseRow.ticket_id, isouter=True
    )
    .where(_ASKED_AT >= _OPENS_AT, _ASKED_AT < _CLOSES_AT)
    .group_by(*_VALUES)
)
_NOT_ASKED = (
    select(InvitationRow.outcome, *_VALUES, func.count())
    .where(_ASKED_AT.is_(None), _DECIDED_AT >= _OPENS_AT, _DECIDED_AT < _CLOSES_AT)
    .group_by(InvitationRow.outcome, *_VALUES)
)
# Only of a ticket without a plan the priority is of interest.
_PRIORITY = case((TicketRow.plan == Plan.UNKNOWN.value, TicketRow.priority), else_=null())
_SOLVED = (
    select(TicketRow.team, TicketRow.plan, _PRIORITY, TicketRow.language, func.count())
    .where(TicketRow.solved_at >= _OPENS_AT, TicketRow.solved_at < _CLOSES_AT)
    .group_by(TicketRow.team, TicketRow.plan, _PRIORITY, TicketRow.language)
)


def first_invitation_at(connection: Connection) -> datetime | None:
    """Return when the first known invitation was sent; None if none is known."""
    return connection.scalar(_FIRST)


def last_sent_at(connection: Connection) -> datetime | None:
    """Return when we sent the last invitation, by ourselves or through the help desk; None if we
    sent none. Those that the help desk sent by itself do not count."""
    return connection.scalar(_LAST_SENT)


def count_invited(
    connection: Connection, opens_at: datetime, closes_at: datetime
) -> list[tuple[Any, ...]]:
    """Return `(team, plan, language, invitations, answered)` of the invitations sent in
    `[opens_at, closes_at)`; those that have a response, whenever it came, are answered."""
    return _read(connection, _INVITED, opens_at, closes_at)


def count_not_asked(
    connection: Connection, opens_at: datetime, closes_at: datetime
) -> list[tuple[Any, ...]]:
    """Return `(outcome, team, plan, language, tickets)` of the tickets that were decided over in
    `[opens_at, closes_at)`, and for which no invitation was sent, or none yet."""
    return _read(connection, _NOT_ASKED, opens_at, closes_at)


def count_solved(
    connection: Connection, opens_at: datetime, closes_at: datetime
) -> list[tuple[Any, ...]]:
    """Return `(team, plan, priority, language, tickets)` of the tickets solved in
    `[opens_at, closes_at)`; the priority is None but for those of an unknown plan, which may have
    none, too."""
    return _read(connection, _SOLVED, opens_at, closes_at)


def _read(
    connection: Connection,
    counts: Select[*tuple[Any, ...]],
    opens_at: datetime,
    closes_at: datetime,
) -> list[tuple[Any, ...]]:
    found = connection.execute(counts, {"opens_at": opens_at, "closes_at": closes_at})
    return [tuple(row) for row in found]
