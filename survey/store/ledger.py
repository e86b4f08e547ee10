"""Functions that add to the donation ledger and read it, and what it is compared with."""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    BindParameter,
    Connection,
    LargeBinary,
    and_,
    bindparam,
    case,
    cast,
    func,
    insert,
    literal,
    select,
    text,
)
from sqlalchemy.orm import aliased

from survey.ledger import (
    NO_HASH,
    EntryKind,
    LedgerEntry,
    NewEntry,
    chain_entries,
    split_tickets,
)
from survey.months import Month
from survey.store.changes import day_versions
from survey.store.database import Database
from survey.store.errors import StoreError
from survey.store.models import (
    AnswerRow,
    LedgerEntryRow,
    LedgerTicketsRow,
    ResponseRow,
    SettledMonthRow,
    VoidChangeRow,
)

_ENTRIES = select(LedgerEntryRow.__table__).order_by(LedgerEntryRow.sequence)
_HEAD = (
    select(LedgerEntryRow.sequence, LedgerEntryRow.hash)
    .order_by(LedgerEntryRow.sequence.desc())
    .limit(1)
)
_CLOSES = (
    select(LedgerEntryRow.__table__)
    .where(LedgerEntryRow.kind == EntryKind.CLOSE.value)
    .order_by(LedgerEntryRow.month)
)
_TICKETS = select(LedgerTicketsRow.tickets).where(
    LedgerTicketsRow.sequence == bindparam("sequence")
)
_HAVE_TICKETS = select(LedgerTicketsRow.sequence).order_by(LedgerTicketsRow.sequence)
_COUNTED = (
    ResponseRow.answered_at >= bindparam("opens_at"),
    ResponseRow.answered_at < bindparam("closes_at"),
)
# The database joins the tickets, which takes a third of the time of as many rows.
_COUNTED_ON_SQLITE = select(
    cast(func.group_concat(ResponseRow.ticket_id, func.char(0)), LargeBinary)
).where(*_COUNTED)
# A text of PostgreSQL cannot hold a NUL.
_COUNTED_ON_POSTGRESQL = select(
    func.string_agg(func.convert_to(ResponseRow.ticket_id, "UTF8"), literal(b"\0", LargeBinary))
).where(*_COUNTED)
_TICKET_IDS: BindParameter[Any] = bindparam("ticket_ids", expanding=True)
_begins_response = and_(
    AnswerRow.distinct_id == ResponseRow.distinct_id,
    AnswerRow.answered_at == ResponseRow.answered_at,
)
_BEGINNINGS = (
    select(
        AnswerRow.ticket_id,
        func.min(case((_begins_response, AnswerRow.id))),
        func.min(case((_begins_response, AnswerRow.source))),
        func.min(AnswerRow.id),
        func.max(AnswerRow.id),
    )
    .join(ResponseRow, AnswerRow.ticket_id == ResponseRow.ticket_id)
    .where(ResponseRow.ticket_id.in_(_TICKET_IDS))
    .group_by(AnswerRow.ticket_id)
)
_ANSWER_IDS = select(AnswerRow.uuid, AnswerRow.id).where(AnswerRow.ticket_id.in_(_TICKET_IDS))
_later = aliased(VoidChangeRow)
_LAST_VOID_CHANGES = select(
    VoidChangeRow.ticket_id, VoidChangeRow.is_void, VoidChangeRow.changed_at
).where(
    VoidChangeRow.ticket_id.in_(_TICKET_IDS),
    ~select(_later.id)
    .where(_later.ticket_id == VoidChangeRow.ticket_id, _later.id > VoidChangeRow.id)
    .exists(),
)
_SETTLE = text(
    "INSERT INTO settled_months (month, version) VALUES (:month, :version)"
    " ON CONFLICT (month) DO UPDATE SET version = excluded.version"
)


@dataclass(frozen=True)
class Head:
    """The last entry of the ledger: its number and hash. An empty ledger has number 0."""

    sequence: int = 0
    hash: str = NO_HASH


class ResponseBeginning(NamedTuple):
    """The id of the answer that began a response, and where it came from; and the ids of the first
    and the last answer to the ticket that were stored."""

    answer_id: int
    source: str
    oldest_id: int
    newest_id: int


class LastVoidChange(NamedTuple):
    """The last change of a ticket: it was made void, or counts again."""

    is_void: bool
    changed_at: datetime


class UnreadableEntry(StoreError):
    """The error that an entry of the ledger has a value that no entry can have."""


def read_head(connection: Connection) -> Head:
    """Return the last entry of the ledger."""
    row = connection.execute(_HEAD).first()
    return Head() if row is None else Head(row.sequence, row.hash)


def read_rows(connection: Connection) -> list[dict[str, Any]]:
    """Return the columns of all entries, in their order, exactly as they are stored."""
    return [dict(row) for row in connection.execute(_ENTRIES).mappings()]


def read_entries(connection: Connection) -> list[LedgerEntry]:
    """Return all entries in their order. Raise UnreadableEntry."""
    return [_read_entry(row) for row in read_rows(connection)]


def read_closes(connection: Connection) -> list[LedgerEntry]:
    """Return the closes of all closed months, oldest month first."""
    return [_read_entry(dict(row)) for row in connection.execute(_CLOSES).mappings()]


def append_entries(
    database: Database,
    connection: Connection,
    new: Sequence[tuple[NewEntry, bytes | None]],
    expected: Head | None = None,
) -> bool:
    """Append entries to the ledger in a writing transaction, each with the joined tickets that it
    counts, if its kind has them.

    Return False, and append nothing, if the ledger has another last entry than `expected`.
    """
    database.lock_ledger(connection)
    head = read_head(connection)
    if expected is not None and head != expected:
        return False
    if not new:
        return True
    rows = chain_entries([entry for entry, _ in new], head.sequence, head.hash)
    connection.execute(insert(LedgerEntryRow), rows)
    tickets = [
        {"sequence": row["sequence"], "tickets": zlib.compress(joined, level=1)}
        for row, (_, joined) in zip(rows, new, strict=True)
        if joined is not None
    ]
    if tickets:
        connection.execute(insert(LedgerTicketsRow), tickets)
    return True


def read_tickets(connection: Connection, sequence: int) -> bytes | None:
    """Return the joined tickets that an entry counts; None if none are kept, or if what is kept
    cannot be unpacked."""
    kept = connection.scalar(_TICKETS, {"sequence": sequence})
    try:
        return None if kept is None else zlib.decompress(kept)
    except zlib.error:
        return None


def entries_with_tickets(connection: Connection) -> list[int]:
    """Return the numbers of the entries for which tickets are kept, in their order."""
    return list(connection.scalars(_HAVE_TICKETS))


def find_tickets(connection: Connection, opens_at: datetime, closes_at: datetime) -> list[str]:
    """Return the tickets whose responses began in `[opens_at, closes_at)`, in no order."""
    is_sqlite = connection.dialect.name == "sqlite"
    statement = _COUNTED_ON_SQLITE if is_sqlite else _COUNTED_ON_POSTGRESQL
    bounds = {"opens_at": opens_at, "closes_at": closes_at}
    return split_tickets(connection.scalar(statement, bounds) or b"")


def find_beginnings(
    connection: Connection, ticket_ids: Sequence[str]
) -> dict[str, ResponseBeginning]:
    """Return how the responses of those of these tickets began that have one, if the answer is
    there that began it."""
    rows = connection.execute(_BEGINNINGS, {"ticket_ids": ticket_ids})
    return {row[0]: ResponseBeginning(*row[1:]) for row in rows if row[1] is not None}


def find_answer_ids(connection: Connection, ticket_ids: Sequence[str]) -> dict[str, int]:
    """Return the ids of all answers to these tickets, by uuid. An answer that was stored later has
    a greater id."""
    rows = connection.execute(_ANSWER_IDS, {"ticket_ids": ticket_ids})
    return {row.uuid: row.id for row in rows}


def find_last_void_changes(
    connection: Connection, ticket_ids: Sequence[str]
) -> dict[str, LastVoidChange]:
    """Return the last change of those of these tickets that were ever void."""
    rows = connection.execute(_LAST_VOID_CHANGES, {"ticket_ids": ticket_ids})
    return {row.ticket_id: LastVoidChange(row.is_void, row.changed_at) for row in rows}


def find_versions(
    connection: Connection, bounds: Mapping[Month, tuple[datetime, datetime]]
) -> dict[Month, int]:
    """Return for each month, given with its bounds, a number that grows with every change of what
    was received in the month."""
    if not bounds:
        return {}
    days = {month: tuple(map(_day_of, each)) for month, each in bounds.items()}
    first, last = min(each[0] for each in days.values()), max(each[1] for each in days.values())
    versions = day_versions(connection, first, last)
    return {
        month: sum(
            versions.get(date.fromordinal(day), 0)
            for day in range(opens.toordinal(), closes.toordinal() + 1)
        )
        for month, (opens, closes) in days.items()
    }


def read_settled(connection: Connection) -> dict[Month, int]:
    """Return the months that agreed with the responses, and at which version."""
    rows = connection.execute(select(SettledMonthRow.month, SettledMonthRow.version))
    return {Month.read(month): version for month, version in rows}


def save_settled(connection: Connection, versions: Mapping[Month, int]) -> None:
    """Keep that these months agreed with the responses, each at a version."""
    rows = [{"month": str(month), "version": version} for month, version in versions.items()]
    if rows:
        connection.execute(_SETTLE, rows)


def hedgehogs_by_month(connection: Connection) -> dict[Month, int]:
    """Return the hedgehogs of every closed month: its responses, and the adjustments that were
    posted in it."""
    entry = LedgerEntryRow
    closed = select(entry.month).where(entry.kind == EntryKind.CLOSE.value)
    rows = connection.execute(
        select(entry.month, func.sum(entry.hedgehogs))
        .where(
            entry.kind.in_([EntryKind.CLOSE.value, EntryKind.ADJUSTMENT.value]),
            entry.month.in_(closed),
        )
        .group_by(entry.month)
        .order_by(entry.month)
    )
    try:
        return {Month.read(month): int(hedgehogs or 0) for month, hedgehogs in rows}
    except ValueError as error:
        raise UnreadableEntry(f"a close of the donation ledger was changed: {error}") from None


def find_charity_name(connection: Connection, month: Month) -> str | None:
    """Return the charity that the rates name for a month that is not closed yet; None if they name
    none. The pipeline's `Ledger.charity_of` finds the same."""
    entry = LedgerEntryRow
    return connection.scalar(
        select(entry.charity)
        .where(
            entry.kind == EntryKind.RATE.value,
            entry.charity.is_not(None),
            entry.month <= str(month),
        )
        .order_by(entry.month.desc(), entry.sequence.desc())
        .limit(1)
    )


def _read_entry(row: Mapping[str, Any]) -> LedgerEntry:
    try:
        return LedgerEntry.of(row)
    except ValueError as error:
        raise UnreadableEntry(
            f"entry {row['sequence']} of the donation ledger was changed and cannot be read: "
            f"{error}. `csat donations verify` checks the others."
        ) from None


def _day_of(instant: datetime) -> date:
    return instant.astimezone(UTC).date()
