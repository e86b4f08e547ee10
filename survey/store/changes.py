"""Notes which days a transaction changes, and raises their versions when it ends.

Whoever caches what is counted of a day keeps the day's version with it. So a count is never stale,
and a new answer makes only the counts of its day anew, and those of the day on which its customer
was asked. All waits for replies together have one version: they come from the help desk many at a
time.
"""

import random
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Connection, Select, bindparam, func, select, text

from survey.store.models import AnswerRow, DayVersionRow, InvitationRow

# On PostgreSQL, transactions that write to the same shard wait for each other.
SHARDS = 32

_RAISE = text(
    "INSERT INTO day_versions (day, shard, version) VALUES (:day, :shard, 1)"
    " ON CONFLICT (day, shard) DO UPDATE SET version = day_versions.version + 1"
)
_INSTANTS_OF_TICKETS = (
    select(AnswerRow.answered_at)
    .distinct()
    .where(AnswerRow.ticket_id.in_(bindparam("ticket_ids", expanding=True)))
)
_INVITATIONS_OF_TICKETS = select(InvitationRow.asked_at).where(
    InvitationRow.ticket_id.in_(bindparam("ticket_ids", expanding=True)),
    InvitationRow.asked_at.is_not(None),
)
_VERSIONS = (
    select(DayVersionRow.day, func.sum(DayVersionRow.version))
    .where(DayVersionRow.day >= bindparam("first"), DayVersionRow.day <= bindparam("last"))
    .group_by(DayVersionRow.day)
)
_KEY = "changed days"
# Stands where days do, for all waits for replies.
_WAITS = "waits"
_WAITS_VERSION = select(func.sum(DayVersionRow.version)).where(DayVersionRow.day == _WAITS)


@dataclass
class _Changes:
    tickets: set[str] = field(default_factory=set)
    begun: set[str] = field(default_factory=set)
    days: set[str] = field(default_factory=set)


def begin_changes(connection: Connection) -> None:
    """Forget what an earlier transaction of this connection noted."""
    connection.info[_KEY] = _Changes()


def note_instants(connection: Connection, instants: Iterable[datetime]) -> None:
    """Note that something of these instants was added or changed: answers that were given, or
    invitations that were sent or decided over."""
    _changes(connection).days.update(map(_day_of, instants))


def note_tickets(connection: Connection, ticket_ids: Collection[str]) -> None:
    """Note that the responses of these tickets changed, and with them the outcomes of their
    answers."""
    _changes(connection).tickets.update(ticket_ids)


def note_beginnings(connection: Connection, ticket_ids: Iterable[str]) -> None:
    """Note that these tickets have a response now, and had none. If their customers were asked, an
    invitation more has a response."""
    _changes(connection).begun.update(ticket_ids)


def note_waits(connection: Connection) -> None:
    """Note that waits for replies were added or changed, or what a report says of their tickets, or
    which tickets are void."""
    _changes(connection).days.add(_WAITS)


def save_changes(connection: Connection) -> None:
    """Raise the versions of all days that were noted. This is the last statement of a transaction:
    every transaction locks the rows in the same order, and waits for nothing else meanwhile."""
    changes = _changes(connection)
    for statement, tickets in (
        (_INSTANTS_OF_TICKETS, changes.tickets),
        (_INVITATIONS_OF_TICKETS, changes.tickets | changes.begun),
    ):
        changes.days.update(map(_day_of, _find_instants(connection, statement, sorted(tickets))))
    if changes.days:
        shard = choose_shard(connection)
        rows = [{"day": day, "shard": shard} for day in sorted(changes.days)]
        connection.execute(_RAISE, rows)
    begin_changes(connection)


def choose_shard(connection: Connection) -> int:
    """Return the shard to which a transaction adds. On SQLite only one transaction writes at a
    time, so one shard is enough."""
    if connection.dialect.name == "sqlite":
        return 0
    return random.randrange(SHARDS)  # nosec B311 # a shard is no secret


def day_versions(connection: Connection, first: date, last: date) -> dict[date, int]:
    """Return the versions of the days (in UTC) from `first` to `last`, both included; a day that
    nothing changed has none."""
    rows = connection.execute(_VERSIONS, {"first": str(first), "last": str(last)})
    return {date.fromisoformat(day): int(version) for day, version in rows}


def waits_version(connection: Connection) -> int:
    """Return what changes with every change of waits for replies, and of their tickets."""
    return int(connection.scalar(_WAITS_VERSION) or 0)


def _changes(connection: Connection) -> _Changes:
    changes: _Changes = connection.info.setdefault(_KEY, _Changes())
    return changes


def _find_instants(
    connection: Connection, statement: Select[Any], ticket_ids: Sequence[str]
) -> Iterator[datetime]:
    for begin in range(0, len(ticket_ids), 500):
        yield from connection.scalars(statement, {"ticket_ids": ticket_ids[begin : begin + 500]})


def _day_of(instant: datetime) -> str:
    return str(instant.astimezone(UTC).date())
