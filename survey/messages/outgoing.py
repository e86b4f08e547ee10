"""What is sent for rows of the outbox: one message, for one row or several."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from survey.store.database import Database
from survey.store.messages import MessageClaim


@dataclass(frozen=True)
class Outgoing:
    """A message that is ready to be sent, for one or more rows of the outbox. `send` returns when
    it is accepted, and raises DeliveryError otherwise."""

    ids: Sequence[int]
    waits_since: datetime
    send: Callable[[], None]


class Preparer(Protocol):
    """An object that makes messages of the rows of a channel; `claims_at_once` is of how many."""

    claims_at_once: int

    def prepare(
        self, database: Database, claims: Sequence[MessageClaim], now: datetime
    ) -> list[Outgoing]:
        """Return the messages to send for these rows; a row that is in none is not to be sent
        now."""
