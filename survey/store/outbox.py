"""The outbox table: events that wait for PostHog. A worker claims an event with a lease.

Messages to teams wait in the same table, in channels of their own: `survey/store/messages.py`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    any_,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import aliased

from survey.outbox_payloads import size_when_sent
from survey.store.models import Channel, OutboxRow, OutboxTotalsRow
from survey.store.quota import find_quota, take_probe

EVENTS = (Channel.POSTHOG,)
MESSAGES = (
    Channel.ALERT_WEBHOOK,
    Channel.ALERT_MAIL,
    Channel.MAIL,
    Channel.INVITATION,
    Channel.ZENDESK,
)
# Rows of these channels are forgotten some time after they were delivered. The others stay: they
# are the record that prevents a repeat.
PRUNED = (Channel.POSTHOG, Channel.ZENDESK)

WAITING = (OutboxRow.delivered_at.is_(None), OutboxRow.dead_at.is_(None))
# Neither a claim nor a pause delays an event for longer than this.
LONGEST_HOLD = timedelta(seconds=30)
# The period over which the rate of delivery is counted.
RATE_PERIOD = timedelta(minutes=5)
# How many dead letters a summary lists for each reason.
SHOWN_IDS = 10


def is_first_of_its_ticket() -> ColumnElement[bool]:
    """Return the condition that no earlier row of the same ticket and channel waits."""
    other = aliased(OutboxRow)
    # The condition is not "no earlier one exists", because PostgreSQL may turn that into a join
    # over the whole backlog.
    first = select(func.min(other.id)).where(
        other.ticket_id == OutboxRow.ticket_id,
        other.channel == OutboxRow.channel,
        other.delivered_at.is_(None),
        other.dead_at.is_(None),
    )
    return first.scalar_subquery() == OutboxRow.id


# Statements are built once, because building one takes longer than running it.
_DUE = (
    select(OutboxRow.id, OutboxRow.payload)
    .where(
        *WAITING,
        OutboxRow.channel == Channel.POSTHOG.value,
        # If an event seems to be held for longer than is possible, the clock was set back after it
        # was claimed or postponed.
        (OutboxRow.available_at <= bindparam("now"))
        | (OutboxRow.available_at > bindparam("never_until")),
        is_first_of_its_ticket(),
    )
    .order_by(OutboxRow.available_at, OutboxRow.id)
    .limit(bindparam("max_events"))
    .with_for_update(skip_locked=True, of=OutboxRow)
)
# The same condition as `WAITING`, in a form that fits no index. If its old statistics say that few
# rows wait, PostgreSQL would otherwise read the index of all waiting rows instead of these rows.
_CHANGE = update(OutboxRow).where(
    func.coalesce(OutboxRow.delivered_at, OutboxRow.dead_at).is_(None)
)
_CHANGE_IDS = _CHANGE.where(OutboxRow.id.in_(bindparam("ids", expanding=True)))
# A hundred parameters would each be written and parsed; an array is one parameter.
_CHANGE_ARRAY = _CHANGE.where(OutboxRow.id == any_(bindparam("ids", type_=ARRAY(Integer))))
_COUNT_DELIVERED = update(OutboxTotalsRow).values(
    delivered=OutboxTotalsRow.delivered + bindparam("more")
)
_COUNT_DEAD = update(OutboxTotalsRow).values(dead=OutboxTotalsRow.dead + bindparam("more"))


@dataclass(frozen=True)
class Claim:
    """A row that a worker may send until its lease ends. A probe is sent alone, to find out whether
    PostHog still drops events for its quota."""

    id: int
    payload: str
    is_probe: bool = False


@dataclass(frozen=True)
class DeadLetters:
    """The dead letters of a channel that have one reason: their count, the ids and tickets of the
    first few, and the receiver's error message for the first. A mail about no ticket has a blank
    one."""

    channel: Channel
    reason: str
    count: int
    ids: list[int]
    tickets: list[str]
    error_message: str | None


@dataclass(frozen=True)
class QueueSummary:
    """The rows of some channels that wait, and those that are dead letters.

    `waiting_by_channel` counts them, without channels in which nothing waits. `last_reason` says
    why the oldest waiting row that was refused was not accepted; `error_message` is the receiver's
    own. `oldest_at` is None if nothing waits.
    """

    waiting_by_channel: dict[Channel, int]
    oldest_at: datetime | None
    last_reason: str | None
    error_message: str | None
    dead: list[DeadLetters]

    @property
    def waiting(self) -> int:
        """The number of rows that wait."""
        return sum(self.waiting_by_channel.values())

    @property
    def dead_now(self) -> int:
        """The number of dead letters at present."""
        return sum(letters.count for letters in self.dead)

    def oldest_seconds(self, at: datetime) -> float:
        """Return how long the oldest row has been waiting; 0 if none waits."""
        return max((at - self.oldest_at).total_seconds(), 0.0) if self.oldest_at else 0.0


@dataclass(frozen=True)
class OutboxSummary(QueueSummary):
    """The state of the events for PostHog.

    `delivered` and `dead_total` count from the beginning, pruned and requeued rows included.
    `per_minute` is how many events a minute were delivered recently. `quota_probe_at` is when one
    event tries again whether PostHog still drops them for its quota; None if it does not.
    """

    delivered: int
    per_minute: float
    dead_total: int
    quota_probe_at: datetime | None


def enqueue(connection: Connection, events: Sequence[Mapping[str, Any]], now: datetime) -> None:
    """Put events into the outbox, in the transaction that stores their answers.

    Each has `ticket_id`, `payload` (`survey.outbox_payloads`), and either `answer_uuid` or
    `page_view_uuid`; all events of one call must have the same of the two.
    """
    times = {"created_at": now, "available_at": now}
    connection.execute(insert(OutboxRow), [{**event, **times} for event in events])


def is_enqueued(connection: Connection, answer_uuid: str) -> bool:
    """Return whether an answer's event is in the outbox, delivered or not."""
    found = select(OutboxRow.id).where(OutboxRow.answer_uuid == answer_uuid)
    return connection.scalar(found) is not None


def has_waiting(connection: Connection, channel: Channel = Channel.POSTHOG) -> bool:
    """Return whether any row of a channel waits, due or not."""
    first = (
        select(OutboxRow.id)
        .where(*WAITING, OutboxRow.channel == channel.value)
        .order_by(OutboxRow.available_at, OutboxRow.id)
    )
    return connection.scalar(first.limit(1)) is not None


def may_claim(connection: Connection, now: datetime) -> bool:
    """Return whether any event waits, due or not, and PostHog's quota holds it back no longer."""
    quota = find_quota(connection, now)
    return (quota is None or quota.is_due(now)) and has_waiting(connection)


def claim(
    connection: Connection, now: datetime, lease: timedelta, max_events: int, max_bytes: int
) -> list[Claim]:
    """Claim the next due events, up to both limits; return an event above `max_bytes` alone. The
    bytes are those that are sent.

    No other worker gets them until the lease ends; after that, the events of a dead worker can be
    claimed again. Only the first waiting event of a ticket can be claimed, so that an edit is never
    sent before what it edits. Postponed events come after the others, so that an event that can
    never be delivered delays no other ticket. While PostHog drops events for its quota, one event
    can be claimed from time to time, the probe, and no other.
    """
    quota = find_quota(connection, now)
    if quota is not None:
        if not (quota.is_due(now) and take_probe(connection, quota, now + lease)):
            return []
        max_events = 1
    times = {"now": now, "never_until": now + LONGEST_HOLD}
    due = connection.execute(_DUE, {**times, "max_events": max_events})
    claims = _up_to(max_bytes, (Claim(*row, is_probe=quota is not None) for row in due))
    if claims:
        update_waiting(connection, [claimed.id for claimed in claims], available_at=now + lease)
    return claims


def _up_to(max_bytes: int, claims: Iterable[Claim]) -> list[Claim]:
    kept: list[Claim] = []
    size = 0
    for claimed in claims:
        size += size_when_sent(claimed.payload)
        if kept and size > max_bytes:
            break
        kept.append(claimed)
    return kept


def renew(connection: Connection, ids: Sequence[int], until: datetime) -> None:
    """Keep these rows claimed until `until`."""
    update_waiting(connection, ids, available_at=until)


def mark_delivered(connection: Connection, ids: Sequence[int], now: datetime) -> None:
    """Record that PostHog has accepted these events."""
    marked = update_waiting(connection, ids, delivered_at=now, last_reason=None, error_message=None)
    connection.execute(_COUNT_DELIVERED, {"more": marked})


def postpone(
    connection: Connection, ids: Sequence[int], until: datetime, reason: str, error_message: str
) -> None:
    """Let these rows wait until `until`; record the reason and the receiver's error message."""
    update_waiting(
        connection, ids, available_at=until, last_reason=reason, error_message=error_message or None
    )


def release(connection: Connection, ids: Sequence[int], until: datetime) -> None:
    """Release rows that were claimed but not sent, so that any worker may claim them, from
    `until` on."""
    update_waiting(connection, ids, available_at=until)


def dead_letter(
    connection: Connection, ids: Sequence[int], now: datetime, reason: str, error_message: str
) -> None:
    """Mark events that PostHog will never accept as dead letters; record the reason and PostHog's
    error message."""
    count = update_waiting(
        connection, ids, dead_at=now, last_reason=reason, error_message=error_message or None
    )
    connection.execute(_COUNT_DEAD, {"more": count})


def requeue(connection: Connection, now: datetime, ids: Sequence[int] | None = None) -> list[int]:
    """Put the dead letters with these ids, or all, back into the queue, events and messages; return
    their ids."""
    requeued = update(OutboxRow).where(OutboxRow.dead_at.is_not(None))
    if ids is not None:
        requeued = requeued.where(OutboxRow.id.in_(ids))
    requeued = requeued.values(dead_at=None, available_at=now)
    return sorted(connection.scalars(requeued.returning(OutboxRow.id)))


def prune(connection: Connection, delivered_before: datetime, limit: int) -> int:
    """Delete the oldest delivered events, and what was written to tickets, at most `limit` rows;
    return how many.

    Their payload is personal data that nobody needs any more. Their answers stay. Messages that
    were sent stay, too, without their payload: they are the record that prevents a repeat.
    """
    pruned = 0
    for channel in PRUNED:
        old = (
            select(OutboxRow.id)
            .where(OutboxRow.channel == channel.value, OutboxRow.delivered_at < delivered_before)
            .order_by(OutboxRow.delivered_at)
            .limit(limit - pruned)
            .with_for_update(skip_locked=True)
        )
        these = delete(OutboxRow).where(OutboxRow.id.in_(old.scalar_subquery()))
        pruned += connection.execute(these).rowcount
    return pruned


def summarise(connection: Connection, now: datetime) -> OutboxSummary:
    """Return the state of the events for PostHog at `now`."""
    lately = select(func.count()).where(
        OutboxRow.channel == Channel.POSTHOG.value, OutboxRow.delivered_at > now - RATE_PERIOD
    )
    totals = connection.execute(select(OutboxTotalsRow.delivered, OutboxTotalsRow.dead)).one()
    return OutboxSummary(
        **vars(summarise_queue(connection, EVENTS)),
        delivered=totals.delivered,
        per_minute=(connection.scalar(lately) or 0) / (RATE_PERIOD / timedelta(minutes=1)),
        dead_total=totals.dead,
        quota_probe_at=quota.probe_at if (quota := find_quota(connection, now)) else None,
    )


def summarise_queue(connection: Connection, channels: Sequence[Channel]) -> QueueSummary:
    """Return what waits in these channels, and their dead letters."""
    of_channels = OutboxRow.channel.in_([channel.value for channel in channels])
    waiting = (*WAITING, of_channels)
    oldest = select(OutboxRow.created_at).where(*waiting).order_by(OutboxRow.id).limit(1)
    last_refusal = (
        select(OutboxRow.last_reason, OutboxRow.error_message)
        .where(*waiting, OutboxRow.last_reason.is_not(None))
        .order_by(OutboxRow.id)
        .limit(1)
    )
    refused = connection.execute(last_refusal).one_or_none()
    counted = select(OutboxRow.channel, func.count()).where(*waiting).group_by(OutboxRow.channel)
    return QueueSummary(
        waiting_by_channel={
            Channel(channel): count for channel, count in connection.execute(counted)
        },
        oldest_at=connection.scalar(oldest),
        last_reason=refused.last_reason if refused else None,
        error_message=refused.error_message if refused else None,
        dead=_dead_letters(connection, of_channels),
    )


def _dead_letters(connection: Connection, of_channels: ColumnElement[bool]) -> list[DeadLetters]:
    """Return the dead letters by channel and reason, the most frequent first."""
    dead = (OutboxRow.dead_at.is_not(None), of_channels)
    by_reason = (OutboxRow.channel, OutboxRow.last_reason)
    counted = select(func.count(), *by_reason).where(*dead).group_by(*by_reason)
    rows = sorted(connection.execute(counted), key=lambda row: (-row[0], *row[1:]))
    return [
        _describe_dead(connection, Channel(channel), str(reason), count)
        for count, channel, reason in rows
    ]


def _describe_dead(
    connection: Connection, channel: Channel, reason: str, count: int
) -> DeadLetters:
    first = (
        select(OutboxRow.id, OutboxRow.ticket_id, OutboxRow.error_message)
        .where(
            OutboxRow.dead_at.is_not(None),
            OutboxRow.channel == channel.value,
            OutboxRow.last_reason == reason,
        )
        .order_by(OutboxRow.id)
        .limit(SHOWN_IDS)
    )
    shown = connection.execute(first).all()
    ids, tickets = [row.id for row in shown], [row.ticket_id for row in shown]
    return DeadLetters(channel, reason, count, ids, tickets, shown[0].error_message)


def update_waiting(connection: Connection, ids: Sequence[int], **values: object) -> int:
    """Change those of these rows that still wait; return how many. If a lease ends early, because
    the clock was set or a worker was delayed, two workers have the same events. Then the first
    worker that marks an event as delivered or dead decides."""
    change = _CHANGE_ARRAY if connection.dialect.name == "postgresql" else _CHANGE_IDS
    return connection.execute(change, {"ids": list(ids), **values}).rowcount
