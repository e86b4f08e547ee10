"""What is sent for rows of the outbox: one message, for one row or several."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import Connection

from survey.delivery.failures import DeliveryError
from survey.store.database import Database
from survey.store.messages import MessageClaim

# A lease is longer than the longest conversation with a server, and is renewed before each one if
# RENEW_SECONDS have passed. The longest is with Zendesk, of three requests of a minute each.
LEASE = timedelta(minutes=4)
RENEW_SECONDS = 30.0

# Records what became of a message, in the transaction that takes it out of the outbox.
Record = Callable[[Connection, datetime], None]


class Withdrawn(Exception):
    """The error that a message is not to be sent any more: it leaves the outbox. `record` says
    why."""

    def __init__(self, record: Record) -> None:
        super().__init__("the message is not to be sent any more")
        self.record = record


def record_nothing(_connection: Connection, _now: datetime) -> None:
    """Record nothing: the outbox itself tells enough."""


@dataclass(frozen=True)
class Outgoing:
    """A message that is ready to be sent, for one or more rows of the outbox. `send` returns when
    it is accepted, and raises DeliveryError otherwise, PartlyAccepted, or Withdrawn. `record`
    records that it was accepted."""

    ids: Sequence[int]
    waits_since: datetime
    send: Callable[[], None]
    record: Record = record_nothing


class PartlyAccepted(Exception):
    """The error that a message was accepted, but not for all of its rows; `refused` says why not,
    by the id of the row. Each of these is rejected or deferred."""

    def __init__(self, refused: Mapping[int, DeliveryError]) -> None:
        super().__init__(f"{len(refused)} rows were not accepted")
        self.refused = refused


class Preparer(Protocol):
    """An object that makes messages of the rows of a channel; `claims_at_once` is of how many."""

    claims_at_once: int

    def prepare(
        self, database: Database, claims: Sequence[MessageClaim], now: datetime
    ) -> list[Outgoing]:
        """Return the messages to send for these rows; a row that is in none is not to be sent
        now."""
