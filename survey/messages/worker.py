"""Sends the messages of the outbox that are due: alerts by webhook and mail, other mails, and what
goes to tickets at Zendesk.

Any number of machines may do so at the same time: each claims messages with a lease. A message is
sent at least once. Only a crash between its acceptance and our record of it sends it again, then
under the same Message-ID.
"""

import random
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from time import monotonic

import structlog

from survey.delivery.failures import DeliveryError, FailureKind
from survey.messages.outgoing import (
    LEASE,
    RENEW_SECONDS,
    Outgoing,
    PartlyAccepted,
    Preparer,
    Withdrawn,
)
from survey.messages.preparers import find_preparer
from survey.settings import Settings
from survey.store import messages, outbox
from survey.store.database import Database
from survey.store.errors import RefusedData, StoreError
from survey.store.models import Channel

# A failed message waits as long as it has waited already, within these limits.
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(minutes=15)
# What a server defers again and again becomes a dead letter after this time.
GIVE_UP_AFTER = timedelta(days=5)

log = structlog.get_logger()


@dataclass(frozen=True)
class Sent:
    """How many messages were sent, failed and wait for the next try, and became dead letters."""

    sent: int = 0
    waiting: int = 0
    dead: int = 0

    def __add__(self, other: "Sent") -> "Sent":
        return Sent(self.sent + other.sent, self.waiting + other.waiting, self.dead + other.dead)


def send_due(
    database: Database,
    settings: Settings,
    clock: Callable[[], datetime],
    stop: threading.Event | None = None,
    channels: Sequence[Channel] = outbox.MESSAGES,
) -> Sent:
    """Send all messages of these channels that are due, until `stop` is set. The messages of a
    channel whose settings are missing wait."""
    total = Sent()
    for channel in channels:
        with database.reading() as connection:
            has_waiting = outbox.has_waiting(connection, channel)
        preparer = find_preparer(channel, settings) if has_waiting else None
        if preparer is not None:
            queue = _Queue(database, settings, clock, stop or threading.Event(), channel, preparer)
            total += queue.send_due()
    return total


class _Queue:
    """The messages of one channel."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        clock: Callable[[], datetime],
        stop: threading.Event,
        channel: Channel,
        preparer: Preparer,
    ) -> None:
        self._database = database
        self._clock = clock
        self._stop = stop
        self._channel = channel
        self._preparer = preparer
        self._longest_hold = settings.settling_delay + LONGEST_PAUSE
        self._renew_at = 0.0
        self._is_server_away = False

    def send_due(self) -> Sent:
        """Send what is due, until nothing is, or the server takes nothing more."""
        total = Sent()
        while not self._stop.is_set() and not self._is_server_away:
            claims = self._claim()
            if not claims:
                break
            total += self._send_all(self._preparer.prepare(self._database, claims, self._clock()))
        return total

    def _claim(self) -> list[messages.MessageClaim]:
        self._renew_at = monotonic() + RENEW_SECONDS
        with self._database.claiming() as connection:
            return messages.claim_messages(
                connection,
                self._channel,
                now=self._clock(),
                lease=LEASE,
                longest_hold=self._longest_hold,
                max_messages=self._preparer.claims_at_once,
            )

    def _send_all(self, outgoing: Sequence[Outgoing]) -> Sent:
        total = Sent()
        for place, message in enumerate(outgoing):
            left = outgoing[place:]
            if self._stop.is_set():
                self._release(left)
                break
            self._renew_when_due(left)
            try:
                message.send()
            except PartlyAccepted as error:
                total += self._record_part(message, error.refused)
            except Withdrawn as withdrawn:
                self._record_withdrawal(message, withdrawn)
            except DeliveryError as error:
                total += self._record_failure(left, error)
            except Exception as error:
                total += self._record_failure(left, _unexpected(error))
            else:
                total += self._record_acceptance(message)
            if self._is_server_away:
                break
        return total

    def _record_acceptance(self, message: Outgoing) -> Sent:
        with self._database.writing() as connection:
            now = self._clock()
            messages.mark_sent(connection, message.ids, now)
            message.record(connection, now)
        log.info("message sent", channel=self._channel.value, rows=len(message.ids))
        return Sent(sent=1)

    def _record_part(self, message: Outgoing, refused: Mapping[int, DeliveryError]) -> Sent:
        """Record which rows of a message were accepted, and why the others were not."""
        accepted = [id_ for id_ in message.ids if id_ not in refused]
        total = self._record_acceptance(replace(message, ids=accepted)) if accepted else Sent()
        for id_, error in refused.items():
            total += self._record_failure([replace(message, ids=[id_])], error)
        return total

    def _record_withdrawal(self, message: Outgoing, withdrawn: Withdrawn) -> None:
        with self._database.writing() as connection:
            messages.remove_messages(connection, message.ids)
            withdrawn.record(connection, self._clock())
        log.info("message withdrawn", channel=self._channel.value, rows=len(message.ids))

    def _record_failure(self, left: Sequence[Outgoing], error: DeliveryError) -> Sent:
        """Record why the first of these messages was not accepted. If the server takes none of
        them, all wait."""
        message, now = left[0], self._clock()
        waited = now - message.waits_since
        is_given_up = error.kind is FailureKind.DEFERRED and waited >= GIVE_UP_AFTER
        if error.kind is FailureKind.REJECTED or is_given_up:
            with self._database.writing() as connection:
                messages.mark_dead(connection, message.ids, now, error.reason, error.error_message)
            log.error("dead letter", channel=self._channel.value, reason=error.reason)
            return Sent(dead=1)
        self._is_server_away = error.kind is not FailureKind.DEFERRED
        postponed = left if self._is_server_away else left[:1]
        until = now + pause_after(waited, error.retry_after)
        with self._database.writing() as connection:
            ids = _ids(postponed)
            outbox.postpone(connection, ids, until, error.reason, error.error_message)
        log.warning("message not accepted", channel=self._channel.value, reason=error.reason)
        return Sent(waiting=len(postponed))

    def _renew_when_due(self, left: Sequence[Outgoing]) -> None:
        if monotonic() >= self._renew_at:
            self._renew_at = monotonic() + RENEW_SECONDS
            with self._database.writing() as connection:
                outbox.renew(connection, _ids(left), self._clock() + LEASE)

    def _release(self, left: Sequence[Outgoing]) -> None:
        with self._database.writing() as connection:
            outbox.release(connection, _ids(left), self._clock())


def pause_after(waited: timedelta, retry_after: float | None) -> timedelta:
    """Return how long a message that failed waits for the next try: what the server asks for, or as
    long as it has waited already, with jitter; both at most LONGEST_PAUSE."""
    if retry_after is not None:
        return min(timedelta(seconds=retry_after), LONGEST_PAUSE)
    spread = random.uniform(0.5, 1.0)  # nosec B311 # a pause is no secret
    return min(max(waited, FIRST_PAUSE), LONGEST_PAUSE) * spread


def _ids(outgoing: Sequence[Outgoing]) -> list[int]:
    return [id_ for message in outgoing for id_ in message.ids]


def _unexpected(error: Exception) -> DeliveryError:
    """Return the failure for an error that nobody expected; only this message waits. An error of
    the database is raised again, because nothing can be recorded now."""
    if isinstance(error, StoreError) and not isinstance(error, RefusedData):
        raise error
    log.error("a message failed unexpectedly", exc_info=error)
    return DeliveryError(FailureKind.DEFERRED, f"sending failed: {type(error).__name__}")
