"""Messages to teams in the outbox: added once under their key, claimed with a lease, recorded.

They share the table and its statements with the events for PostHog (`survey/store/outbox.py`), but
no message waits for another one of its ticket, and one may be due much later than it was added.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, bindparam, delete, select, text, update

from survey.store.models import Channel, OutboxRow
from survey.store.outbox import WAITING, is_first_of_its_ticket, update_waiting

_INSTANT = OutboxRow.created_at.type
# `message_key` is unique: what is in the outbox already, sent or not, is not added again.
_ADD = text(
    "INSERT INTO outbox (message_key, channel, ticket_id, payload, created_at, available_at)"
    " VALUES (:key, :channel, :ticket_id, :payload, :now, :available_at)"
    " ON CONFLICT (message_key) DO NOTHING"
).bindparams(bindparam("now", type_=_INSTANT), bindparam("available_at", type_=_INSTANT))
_DUE = (
    select(
        OutboxRow.id,
        OutboxRow.message_key,
        OutboxRow.ticket_id,
        OutboxRow.payload,
        OutboxRow.created_at,
    )
    .where(
        *WAITING,
        OutboxRow.channel == bindparam("of_channel"),
        (OutboxRow.available_at <= bindparam("now"))
        | (OutboxRow.available_at > bindparam("never_until")),
    )
    .order_by(OutboxRow.available_at, OutboxRow.id)
    .limit(bindparam("max_messages"))
    .with_for_update(skip_locked=True, of=OutboxRow)
)
# In these channels, what is about a ticket leaves one after another: of two writes that are under
# way at once, the older could arrive last.
_IN_ORDER = frozenset({Channel.ZENDESK})
_DUE_IN_ORDER = _DUE.where(is_first_of_its_ticket())
_SET_PAYLOAD = (
    update(OutboxRow)
    .where(OutboxRow.id == bindparam("row_id"))
    .values(payload=bindparam("new_payload"))
)


@dataclass(frozen=True)
class NewMessage:
    """A message to add. `key` says what it is about, and to whom it goes; `ticket_id` is blank for
    one that is about no ticket."""

    key: str
    channel: Channel
    ticket_id: str
    payload: str
    available_at: datetime


@dataclass(frozen=True)
class MessageClaim:
    """A message that a worker may send until its lease ends."""

    id: int
    key: str
    ticket_id: str
    payload: str
    created_at: datetime


@dataclass(frozen=True)
class MessageState:
    """What has become of a message; `failure` is why it was not accepted the last time."""

    is_sent: bool
    is_dead: bool
    failure: str | None

    @property
    def is_finished(self) -> bool:
        """Whether the message was sent, or never will be."""
        return self.is_sent or self.is_dead


def find_messages(connection: Connection, keys: Sequence[str]) -> dict[str, MessageState]:
    """Return what has become of the messages with these keys; none where there is none."""
    rows = connection.execute(
        select(
            OutboxRow.message_key,
            OutboxRow.delivered_at,
            OutboxRow.dead_at,
            OutboxRow.last_reason,
        ).where(OutboxRow.message_key.in_(keys))
    )
    return {
        str(key): MessageState(delivered_at is not None, dead_at is not None, reason)
        for key, delivered_at, dead_at, reason in rows
    }


def add_messages(connection: Connection, new: Sequence[NewMessage], now: datetime) -> int:
    """Put messages into the outbox, but none whose key it has already; return how many are new."""
    added = 0
    for message in new:
        values = {**vars(message), "channel": message.channel.value, "now": now}
        added += connection.execute(_ADD, values).rowcount
    return added


def add_message_again(connection: Connection, message: NewMessage, now: datetime) -> bool:
    """Let a message that was sent, or is a dead letter, wait with a new payload; return whether
    there is one. One that still waits is left as it is: a worker may be sending it."""
    done = OutboxRow.delivered_at.is_not(None) | OutboxRow.dead_at.is_not(None)
    again = (
        update(OutboxRow)
        .where(OutboxRow.message_key == message.key, done)
        .values(
            payload=message.payload,
            created_at=now,
            available_at=message.available_at,
            delivered_at=None,
            dead_at=None,
            last_reason=None,
            error_message=None,
        )
    )
    return connection.execute(again).rowcount > 0


def claim_messages(
    connection: Connection,
    channel: Channel,
    *,
    now: datetime,
    lease: timedelta,
    longest_hold: timedelta,
    max_messages: int,
) -> list[MessageClaim]:
    """Claim the next due messages of a channel. No other worker gets them until the lease ends.

    In the channel of Zendesk only the first waiting row of a ticket can be claimed.

    Nothing holds a message for longer than `longest_hold`: if one seems to be, the clock was set
    back, and the message is due.
    """
    times = {"now": now, "never_until": now + longest_hold}
    limits = {"of_channel": channel.value, "max_messages": max_messages}
    due = _DUE_IN_ORDER if channel in _IN_ORDER else _DUE
    claims = [
        MessageClaim(row.id, str(row.message_key), row.ticket_id, row.payload, row.created_at)
        for row in connection.execute(due, {**times, **limits})
    ]
    if claims:
        update_waiting(connection, [claim.id for claim in claims], available_at=now + lease)
    return claims


def save_payloads(connection: Connection, payloads: Mapping[int, str]) -> None:
    """Replace the payloads of messages, by id."""
    if payloads:
        rows = [{"row_id": id_, "new_payload": payload} for id_, payload in payloads.items()]
        connection.execute(_SET_PAYLOAD, rows)


def list_unsent(connection: Connection, channel: Channel, prefix: str) -> list[str]:
    """Return the keys that begin with `prefix` of a channel's messages that wait, or were
    refused."""
    of_channel = OutboxRow.channel == channel.value
    begins = OutboxRow.message_key.startswith(prefix, autoescape=True)
    # Two statements, each with an index of its own.
    found = [
        connection.scalars(select(OutboxRow.message_key).where(*state, of_channel, begins))
        for state in (WAITING, (OutboxRow.dead_at.is_not(None),))
    ]
    return sorted(str(key) for keys in found for key in keys)


def replace_payload(connection: Connection, key: str, payload: str) -> bool:
    """Replace the payload of a message that was not sent, and forget what its receiver said of it;
    return whether there is one."""
    unsent = (OutboxRow.message_key == key, OutboxRow.delivered_at.is_(None))
    replaced = update(OutboxRow).where(*unsent).values(payload=payload, error_message=None)
    return connection.execute(replaced).rowcount > 0


def remove_messages(connection: Connection, ids: Sequence[int]) -> None:
    """Delete messages that are not to be sent. Their keys can be added again."""
    connection.execute(delete(OutboxRow).where(OutboxRow.id.in_(ids), *WAITING))


def remove_others(connection: Connection, claims: Sequence[MessageClaim], prefix: str) -> None:
    """Delete the rows for which these claims stand in: those of the same tickets that wait, or are
    dead letters, and whose keys begin with `prefix`, as those of the claims do."""
    if not claims:
        return
    others = (
        OutboxRow.channel == Channel.ZENDESK.value,
        OutboxRow.ticket_id.in_([claim.ticket_id for claim in claims]),
        OutboxRow.id.not_in([claim.id for claim in claims]),
        OutboxRow.message_key.startswith(prefix, autoescape=True),
    )
    # Two statements, each with an index of its own.
    connection.execute(delete(OutboxRow).where(*WAITING, *others))
    connection.execute(delete(OutboxRow).where(OutboxRow.dead_at.is_not(None), *others))


def mark_sent(connection: Connection, ids: Sequence[int], now: datetime) -> None:
    """Record that these messages were accepted. Their payload, which may be personal data, goes;
    the rest stays, so that none is sent again."""
    update_waiting(
        connection, ids, delivered_at=now, payload="", last_reason=None, error_message=None
    )


def mark_dead(
    connection: Connection, ids: Sequence[int], now: datetime, reason: str, error_message: str
) -> None:
    """Mark messages that will never be accepted as dead letters; record the reason and the
    receiver's error message."""
    update_waiting(
        connection, ids, dead_at=now, last_reason=reason, error_message=error_message or None
    )
