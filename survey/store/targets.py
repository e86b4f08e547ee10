"""Functions that read how long customers waited for replies, for response targets.

Void tickets and those of testers are left out, as they are of every number.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, Connection, bindparam, or_, select

from survey.store.models import ReplyIntervalRow, ResponseRow, TicketRow, VoidRow

_OPENS_AT: BindParameter[datetime] = bindparam("opens_at")
_CLOSES_AT: BindParameter[datetime] = bindparam("closes_at")

# What ended by solving, merging or deletion without a reply counts nowhere.
_COUNTS = or_(ReplyIntervalRow.replied_at.is_not(None), ReplyIntervalRow.ended_at.is_(None))
_SAME_TICKET = ReplyIntervalRow.ticket_id == TicketRow.ticket_id

_WAITED = (
    select(
        TicketRow.team,
        TicketRow.plan,
        TicketRow.severity,
        TicketRow.escalated_at,
        ReplyIntervalRow.instance,
        ReplyIntervalRow.activated_at,
        ReplyIntervalRow.replied_at,
    )
    .join_from(ReplyIntervalRow, TicketRow, _SAME_TICKET)
    .where(
        ReplyIntervalRow.activated_at >= _OPENS_AT,
        ReplyIntervalRow.activated_at < _CLOSES_AT,
        TicketRow.ticket_id.not_in(select(VoidRow.ticket_id)),
        _COUNTS,
    )
)
# A wait that began after the answer had no part in it.
_WAITED_BEFORE_ANSWER = (
    select(
        ResponseRow.ticket_id,
        ResponseRow.team,
        ResponseRow.rating,
        ResponseRow.link_trust,
        ResponseRow.language,
        TicketRow.plan,
        ReplyIntervalRow.activated_at,
        ReplyIntervalRow.replied_at,
    )
    .join_from(ResponseRow, TicketRow, ResponseRow.ticket_id == TicketRow.ticket_id)
    .join(ReplyIntervalRow, _SAME_TICKET)
    .where(
        ResponseRow.answered_at >= _OPENS_AT,
        ResponseRow.answered_at < _CLOSES_AT,
        ReplyIntervalRow.activated_at <= ResponseRow.answered_at,
        _COUNTS,
    )
)


class Waited(NamedTuple):
    """A customer's wait for a reply, and what a report says of its ticket."""

    team: str
    plan: str
    severity: str | None
    escalated_at: datetime | None
    instance: int
    activated_at: datetime
    replied_at: datetime | None


class WaitedBeforeAnswer(NamedTuple):
    """A response, and one of the waits for a reply that came before it."""

    ticket_id: str
    team: str
    rating: int
    link_trust: str
    language: str | None
    plan: str
    activated_at: datetime
    replied_at: datetime | None


def has_tickets(connection: Connection) -> bool:
    """Return whether any ticket of the help desk is known."""
    return connection.execute(select(TicketRow.ticket_id).limit(1)).first() is not None


def list_waits(
    connection: Connection,
    opens_at: datetime,
    closes_at: datetime,
    test_distinct_ids: Collection[str],
    teams: Sequence[str] = (),
) -> list[Waited]:
    """Return the waits that began in `[opens_at, closes_at)`, without those that ended without a
    reply: of tickets of these teams, or of all tickets where none is named."""
    wanted = _WAITED
    if teams:
        wanted = wanted.where(TicketRow.team.in_(teams))
    if test_distinct_ids:
        requester = TicketRow.requester_external_id
        wanted = wanted.where(or_(requester.is_(None), requester.not_in(test_distinct_ids)))
    return [Waited(*row) for row in _read(connection, wanted, opens_at, closes_at)]


def list_waits_of_responses(
    connection: Connection, opens_at: datetime, closes_at: datetime
) -> list[WaitedBeforeAnswer]:
    """Return the waits of the tickets whose responses began in `[opens_at, closes_at)`, as far as
    they began before the response, likewise."""
    rows = _read(connection, _WAITED_BEFORE_ANSWER, opens_at, closes_at)
    return [WaitedBeforeAnswer(*row) for row in rows]


def _read(connection: Connection, rows: Any, opens_at: datetime, closes_at: datetime) -> Any:
    return connection.execute(rows, {"opens_at": opens_at, "closes_at": closes_at})
