"""The outbox table: events that wait for PostHog, claimed with a lease, never taken away."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, func, insert, select, update

from survey.store.models import OutboxRow

_WAITING = (OutboxRow.delivered_at.is_(None), OutboxRow.dead_at.is_(None))


@dataclass(frozen=True)
class Claim:
    """A row that a worker may send until its lease ends."""

    id: int
    payload: str
    attempts: int


@dataclass(frozen=True)
class Summary:
    """The state of the outbox; times are None where nothing is waiting or was delivered."""

    waiting: int
    oldest_at: datetime | None
    delivered: int
    last_error: str | None
    dead: dict[str, int]


def enqueue(
    connection: Connection, answer_uuid: str, ticket_id: str, payload: str, now: datetime
) -> None:
    """Put an event into the outbox, in the transaction that stores its answer."""
    connection.execute(
        insert(OutboxRow),
        {
            "answer_uuid": answer_uuid,
            "ticket_id": ticket_id,
            "payload": payload,
            "created_at": now,
            "available_at": now,
            "attempts": 0,
        },
    )


def is_enqueued(connection: Connection, answer_uuid: str) -> bool:
    """Whether an answer's event is in the outbox, delivered or not."""
    found = select(OutboxRow.id).where(OutboxRow.answer_uuid == answer_uuid)
    return connection.scalar(found) is not None


def claim(connection: Connection, now: datetime, limit: int, lease: timedelta) -> list[Claim]:
    """Take the next rows that are due. Nobody else gets them until the lease ends, so what a
    dead worker held comes back by itself."""
    due = (
        select(OutboxRow.id)
        .where(*_WAITING, OutboxRow.available_at <= now)
        .order_by(OutboxRow.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    claimed = (
        update(OutboxRow)
        .where(OutboxRow.id.in_(due.scalar_subquery()))
        .values(available_at=now + lease, attempts=OutboxRow.attempts + 1)
        .returning(OutboxRow.id, OutboxRow.payload, OutboxRow.attempts)
    )
    claims = [Claim(*row) for row in connection.execute(claimed)]
    return sorted(claims, key=lambda claimed: claimed.id)


def mark_delivered(connection: Connection, ids: Sequence[int], now: datetime) -> None:
    """PostHog has accepted these."""
    _update(connection, ids, delivered_at=now, last_error=None)


def postpone(connection: Connection, ids: Sequence[int], until: datetime, error: str) -> None:
    """These wait until then, with the reason on record."""
    _update(connection, ids, available_at=until, last_error=error)


def bury(connection: Connection, ids: Sequence[int], now: datetime, error: str) -> None:
    """PostHog will never accept these as they are: dead letters, kept with its words."""
    _update(connection, ids, dead_at=now, last_error=error)


def revive(connection: Connection, now: datetime) -> int:
    """Put all dead letters back into the queue; how many there were."""
    revived = (
        update(OutboxRow)
        .where(OutboxRow.dead_at.is_not(None))
        .values(dead_at=None, available_at=now, attempts=0)
        .returning(OutboxRow.id)
    )
    return len(connection.execute(revived).all())


def next_due(connection: Connection) -> datetime | None:
    """When the next waiting event may be sent; None if none waits."""
    return connection.scalar(select(func.min(OutboxRow.available_at)).where(*_WAITING))


def summarise(connection: Connection) -> Summary:
    """How much waits, how old it is, what was refused and why."""
    waiting, oldest_at = connection.execute(
        select(func.count(), func.min(OutboxRow.created_at)).where(*_WAITING)
    ).one()
    delivered = connection.scalar(select(func.count(OutboxRow.delivered_at))) or 0
    last_error = connection.scalar(
        select(OutboxRow.last_error)
        .where(*_WAITING, OutboxRow.last_error.is_not(None))
        .order_by(OutboxRow.id)
        .limit(1)
    )
    dead = connection.execute(
        select(OutboxRow.last_error, func.count())
        .where(OutboxRow.dead_at.is_not(None))
        .group_by(OutboxRow.last_error)
        .order_by(func.count().desc())
    )
    return Summary(
        waiting=waiting,
        oldest_at=oldest_at,
        delivered=delivered,
        last_error=last_error,
        dead={reason or "no reason on record": count for reason, count in dead},
    )


def _update(connection: Connection, ids: Sequence[int], **values: object) -> None:
    connection.execute(update(OutboxRow).where(OutboxRow.id.in_(ids)).values(**values))
