"""What the operator's figures need of the store, by indexes alone: it is read every few seconds."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import Connection, Select, bindparam, func, or_, select

from survey.ledger import EntryKind
from survey.months import Month
from survey.store.models import (
    AnswerRow,
    Channel,
    ErasureRow,
    InvitationRow,
    LedgerEntryRow,
    Origin,
    OutboxRow,
    OutboxTotalsRow,
)
from survey.store.outbox import WAITING
from survey.vocabulary import InvitationOutcome

Key = TypeVar("Key")
Value = TypeVar("Value")

# Deliveries are counted over this time until now.
LATELY = timedelta(days=1)

_WAITING_ROWS = (
    select(OutboxRow.channel, func.count(), func.min(OutboxRow.id))
    .where(*WAITING)
    .group_by(OutboxRow.channel)
)
_CREATED = select(OutboxRow.id, OutboxRow.created_at).where(
    OutboxRow.id.in_(bindparam("ids", expanding=True))
)
_DEAD = (
    select(OutboxRow.channel, func.count())
    .where(OutboxRow.dead_at.is_not(None))
    .group_by(OutboxRow.channel)
)
_DELIVERED_LATELY = select(func.count()).where(
    OutboxRow.channel == bindparam("channel"), OutboxRow.delivered_at > bindparam("since")
)
_TOTALS = select(OutboxTotalsRow.delivered, OutboxTotalsRow.dead)
_DECIDED = (
    select(InvitationRow.outcome, func.count())
    .where(InvitationRow.decided_at >= bindparam("since"))
    .group_by(InvitationRow.outcome)
)
_LAST_CLOSE = select(func.max(LedgerEntryRow.month)).where(
    LedgerEntryRow.kind == EntryKind.CLOSE.value
)
# Of a person whom PostHog does not know, it is asked nothing.
_HAS_PERSON = or_(ErasureRow.requested_at.is_not(None), ErasureRow.person_uuids.is_not(None))
_OPEN_ERASURES = (
    select(
        ErasureRow.requested_at.is_not(None),
        func.count(),
        func.min(func.coalesce(ErasureRow.requested_at, ErasureRow.erased_at)),
    )
    .where(ErasureRow.deleted_at.is_(None), _HAS_PERSON)
    .group_by(ErasureRow.requested_at.is_not(None))
)

_NEVER_ASKED = select(func.count()).where(
    ErasureRow.deleted_at.is_(None), ErasureRow.requested_at.is_(None)
)
# An import may bring events whose senders' clocks were wrong.
_NEWEST_RECEIPT = (
    select(AnswerRow.answered_at)
    .where(AnswerRow.source == Origin.SITE.value)
    .order_by(AnswerRow.answered_at.desc())
    .limit(1)
)


@dataclass(frozen=True)
class Queue:
    """The rows of a channel: how many wait and since when the oldest does, how many are dead
    letters, and how many were delivered lately."""

    waiting: int = 0
    oldest_at: datetime | None = None
    dead: int = 0
    delivered_lately: int = 0


@dataclass(frozen=True)
class Totals:
    """How many events PostHog has accepted since the store began, and how many became dead
    letters."""

    delivered: int
    dead: int


@dataclass(frozen=True)
class OpenErasures:
    """The erasures that are not done at PostHog: how many, and since when the oldest waits."""

    count: int = 0
    oldest_at: datetime | None = None


def count_queues(connection: Connection, now: datetime) -> dict[Channel, Queue]:
    """Return the queue of each channel."""
    waiting = {row[0]: (row[1], row[2]) for row in connection.execute(_WAITING_ROWS)}
    oldest_ids = [oldest_id for _, oldest_id in waiting.values()]
    created = _read_pairs(connection, _CREATED, ids=oldest_ids) if oldest_ids else {}
    dead = _read_pairs(connection, _DEAD)
    queues = {}
    for channel in Channel:
        count, oldest_id = waiting.get(channel.value, (0, None))
        lately = {"channel": channel.value, "since": now - LATELY}
        queues[channel] = Queue(
            waiting=count,
            oldest_at=None if oldest_id is None else created[oldest_id],
            dead=dead.get(channel.value, 0),
            delivered_lately=connection.scalar(_DELIVERED_LATELY, lately) or 0,
        )
    return queues


def count_totals(connection: Connection) -> Totals:
    """Return what has become of all events."""
    return Totals(*connection.execute(_TOTALS).one())


def count_decided(connection: Connection, since: datetime) -> dict[InvitationOutcome, int]:
    """Return of how many tickets it was decided since a time whether to ask, by outcome."""
    found = _read_pairs(connection, _DECIDED, since=since)
    return {outcome: found.get(outcome.value, 0) for outcome in InvitationOutcome}


def find_last_close(connection: Connection) -> Month | None:
    """Return the last month that was closed in the donation ledger; None before the first close."""
    found = connection.scalar(_LAST_CLOSE)
    return None if found is None else Month.read(found)


def count_open_erasures(connection: Connection) -> tuple[OpenErasures, OpenErasures]:
    """Return the erasures that wait for PostHog, and those of persons whom it has and was not asked
    to delete."""
    found = {
        bool(row[0]): OpenErasures(row[1], row[2]) for row in connection.execute(_OPEN_ERASURES)
    }
    return found.get(True, OpenErasures()), found.get(False, OpenErasures())


def count_never_asked(connection: Connection) -> int:
    """Return of how many erasures PostHog was never told, because it does not know the person or
    could not be asked."""
    return connection.scalar(_NEVER_ASKED) or 0


def find_newest_receipt(connection: Connection) -> datetime | None:
    """Return when the site received its newest answer; None if it has none."""
    return connection.scalar(_NEWEST_RECEIPT)


def _read_pairs(
    connection: Connection, statement: Select[*tuple[Key, Value]], **parameters: object
) -> dict[Key, Value]:
    """Return the second value of each row by the first."""
    return {row[0]: row[1] for row in connection.execute(statement, parameters)}
