"""The delivery worker: claim, send, mark, until stopped or until nothing is left."""

import random
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import structlog

from survey.delivery.sender import DeliveryError, Remedy
from survey.store import outbox
from survey.store.database import Database, StoreError
from survey.store.outbox import Claim

# PostHog's own package sends no more than this many in one request.
BATCH_SIZE = 100
# Longer than a request may take; what a killed worker held is taken up again after it.
LEASE = timedelta(seconds=30)
# How long PostHog, or the operator, gets before the next try, at most.
LONGEST_PAUSE_SECONDS = 30.0
FIRST_PAUSE_SECONDS = 1.0
# How often an idle worker looks for something to do.
POLL_SECONDS = 0.5

log = structlog.get_logger()


class Sender(Protocol):
    """Whatever hands events on: returns once they are accepted, raises DeliveryError if not."""

    def send(self, payloads: Sequence[str]) -> None:
        """Send events, given as JSON texts."""


class Worker:
    """Takes events from the outbox and sees them accepted, one batch at a time."""

    def __init__(
        self,
        database: Database,
        sender: Sender,
        clock: Callable[[], datetime],
        stop: threading.Event,
    ) -> None:
        self._database = database
        self._sender = sender
        self._clock = clock
        self._stop = stop
        self._failures = 0

    def run(self) -> None:
        """Deliver until `stop` is set; a database that fails is tried again."""
        while not self._stop.is_set():
            try:
                pause = self._deliver_batch()
            except StoreError as error:
                log.error("delivery cannot use the database", reason=str(error))
                pause = self._next_pause()
            self._stop.wait(POLL_SECONDS if pause is None else pause)

    def drain(self) -> bool:
        """Deliver what is due now, once over; True if nothing is left waiting."""
        while not self._stop.is_set():
            pause = self._deliver_batch()
            if pause is None or pause > 0:
                break
        with self._database.reading() as connection:
            return outbox.next_due(connection) is None

    def _deliver_batch(self) -> float | None:
        """Send one batch; seconds to wait before the next, None if there was nothing to send."""
        now = self._clock()
        with self._database.writing() as connection:
            claims = outbox.claim(connection, now, BATCH_SIZE, LEASE)
        if not claims:
            return None
        return self._send(claims)

    def _send(self, claims: list[Claim]) -> float:
        try:
            self._sender.send([claim.payload for claim in claims])
        except DeliveryError as error:
            if error.remedy is Remedy.OTHER_EVENTS:
                return self._isolate(claims, error)
            return self._postpone(claims, error)
        self._failures = 0
        with self._database.writing() as connection:
            outbox.mark_delivered(connection, _ids(claims), self._clock())
        log.info("delivered", events=len(claims))
        return 0.0

    def _isolate(self, claims: list[Claim], error: DeliveryError) -> float:
        """Halve a refused batch until the event that PostHog cannot take stands alone."""
        if len(claims) > 1:
            middle = len(claims) // 2
            return max(self._send(claims[:middle]), self._send(claims[middle:]))
        log.error("dead letter", reason=error.reason, outbox_id=claims[0].id)
        with self._database.writing() as connection:
            outbox.bury(connection, _ids(claims), self._clock(), error.record)
        return 0.0

    def _postpone(self, claims: list[Claim], error: DeliveryError) -> float:
        if error.remedy is Remedy.OPERATOR:
            pause = LONGEST_PAUSE_SECONDS
            log.error(
                "delivery pauses; check CSAT_POSTHOG_HOST and CSAT_POSTHOG_KEY",
                reason=error.reason,
                seconds=pause,
            )
        else:
            pause = self._next_pause(error.retry_after)
            log.warning("PostHog did not accept", reason=error.reason, seconds=round(pause, 1))
        until = self._clock() + timedelta(seconds=pause)
        with self._database.writing() as connection:
            outbox.postpone(connection, _ids(claims), until, error.record)
        return pause

    def _next_pause(self, retry_after: float | None = None) -> float:
        """Exponential backoff with full jitter; what PostHog asks for wins, within the cap."""
        self._failures += 1
        if retry_after is not None:
            return min(max(retry_after, FIRST_PAUSE_SECONDS), LONGEST_PAUSE_SECONDS)
        ceiling = FIRST_PAUSE_SECONDS * 2 ** min(self._failures, 10)
        return random.uniform(FIRST_PAUSE_SECONDS, min(ceiling, LONGEST_PAUSE_SECONDS))


def _ids(claims: Sequence[Claim]) -> list[int]:
    return [claim.id for claim in claims]
