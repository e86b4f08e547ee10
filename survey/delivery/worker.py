"""The delivery worker. It claims, sends and marks events until it is stopped or none is left."""

import random
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from time import monotonic
from typing import NamedTuple, Protocol

import structlog

from survey.delivery.failures import DeliveryError, FailureKind, Verdict
from survey.prometheus import POSTHOG_SECONDS, counting
from survey.store import outbox
from survey.store.database import Database
from survey.store.errors import RefusedData, StoreError
from survey.store.outbox import Claim
from survey.store.quota import PROBE_PAUSE, begin_quota, end_quota

# PostHog's own package sends no more events than this in one request; PostHog accepts 20 MB.
MAX_BATCH_EVENTS = 100
MAX_BATCH_BYTES = 1_000_000
# A lease is longer than a request may take. After it, other workers take what a killed one held.
LEASE = timedelta(seconds=20)
# Events that were claimed ahead are not sent after this: the lease must be longer than the request.
AHEAD_SECONDS = 5.0
# The longest pause before the next try, during which PostHog or the operator may end the failure.
LONGEST_PAUSE_SECONDS = outbox.LONGEST_HOLD.total_seconds()
FIRST_PAUSE_SECONDS = 1.0
# How often an idle worker looks for something to do.
POLL_SECONDS = 0.5
# How often old delivered events are deleted, and how many in one transaction.
PRUNE_SECONDS = 60.0
PRUNE_LIMIT = 1_000

log = structlog.get_logger()


class Sender(Protocol):
    """An object that sends events, given as payloads of the outbox. Its methods raise DeliveryError
    if none of them was accepted."""

    def send(self, payloads: Sequence[str]) -> Sequence[Verdict]:
        """Send events; return what became of each."""

    def probe(self, payload: str) -> Verdict:
        """Send an event while PostHog drops events for its quota; return what became of it."""


class Refused(NamedTuple):
    """An event that was not accepted, and why."""

    claim: Claim
    error: DeliveryError


class Worker:
    """A worker that takes events from the outbox and delivers them, one batch at a time.

    Any number of workers can share an outbox. `retention` is how long delivered events are kept.
    """

    def __init__(
        self,
        database: Database,
        sender: Sender,
        clock: Callable[[], datetime],
        stop: threading.Event,
        retention: timedelta,
    ) -> None:
        self._database = database
        self._sender = sender
        self._clock = clock
        self._stop = stop
        self._retention = retention
        self._failures = 0
        self._is_idle = True
        # This shrinks with each failure, so that an event on which PostHog fails soon delays no
        # others, and a slow connection gets batches that it can transfer in time.
        self._batch_events = MAX_BATCH_EVENTS
        self._prune_at = 0.0
        self._ahead = ThreadPoolExecutor(1, thread_name_prefix="claim")

    def run(self) -> None:
        """Deliver until `stop` is set. Try again after any failure, so that nobody has to restart
        the worker."""
        while not self._stop.is_set():
            try:
                pause = self._deliver_batch()
                self._prune_when_due()
            except StoreError as error:
                log.error("delivery cannot use the database", reason=str(error))
                pause = self._next_pause()
            except Exception as error:
                _log_unexpected(error)
                pause = self._next_pause()
            self._stop.wait(POLL_SECONDS if pause is None else pause)

    def drain(self) -> bool:
        """Deliver the events that are due, until none is left or a batch fails; return whether no
        event waits any more."""
        while not self._stop.is_set():
            pause = self._deliver_batch()
            if pause is None or pause > 0:
                break
            self._prune_when_due()
        self.prune()
        with self._database.reading() as connection:
            return not outbox.has_waiting(connection)

    def _prune_when_due(self) -> None:
        if monotonic() >= self._prune_at:
            self._prune_at = monotonic() + PRUNE_SECONDS
            self.prune()

    def prune(self) -> None:
        """Delete the events that were delivered longer ago than `retention`."""
        while not self._stop.is_set():
            with self._database.writing() as connection:
                before = self._clock() - self._retention
                pruned = outbox.prune(connection, before, PRUNE_LIMIT)
            if pruned < PRUNE_LIMIT:
                return

    def _deliver_batch(self) -> float | None:
        """Send a batch, and the next ones while there is a backlog. Return how many seconds to wait
        before the next batch; None if there was nothing to send."""
        if self._is_idle and not self._may_claim():
            return None
        claims = self._claim()
        self._is_idle = not claims
        if not claims:
            return None
        pause = 0.0
        while claims and not pause:
            began, goes_on = monotonic(), False
            # The database makes the next claim while PostHog receives this batch.
            ahead = self._ahead.submit(self._claim) if self._is_backlog(claims) else _nothing()
            try:
                pause = self._send_all(claims)
                goes_on = not pause and monotonic() - began < AHEAD_SECONDS
            finally:
                claims = ahead.result()
                if claims and (self._stop.is_set() or not goes_on):
                    self._release([claims])
                    claims = []
        return pause

    def _claim(self) -> list[Claim]:
        with self._database.claiming() as connection:
            return outbox.claim(
                connection, self._clock(), LEASE, self._batch_events, MAX_BATCH_BYTES
            )

    def _is_backlog(self, claims: list[Claim]) -> bool:
        """Return whether the batch is full, the last one did not fail and no pruning is due."""
        is_full = len(claims) >= self._batch_events
        return is_full and not self._failures and monotonic() < self._prune_at

    def _may_claim(self) -> bool:
        """Return whether there may be something to claim. A read delays nobody, but a claim has to
        wait for its turn to write."""
        with self._database.reading() as connection:
            return outbox.may_claim(connection, self._clock())

    def _send_all(self, claims: list[Claim]) -> float:
        """Send the claimed events; return how many seconds to wait before the next claim.

        An unexpected error while sending, or while recording the result, postpones the events like
        a failure of PostHog. The batches then shrink until the event that causes the error is alone
        in its batch, and all others are delivered.
        """
        try:
            return self._send_in_order(claims)
        except Exception as error:
            if isinstance(error, StoreError) and not isinstance(error, RefusedData):
                raise  # nothing can be recorded now
            _log_unexpected(error)
            reason = f"delivery failed: {type(error).__name__}"
            return self._reschedule([claims], DeliveryError(FailureKind.TRANSIENT, reason))

    def _send_in_order(self, claims: list[Claim]) -> float:
        """Send the claimed events in their order; return how many seconds to wait before the next
        claim. Halve a batch that PostHog refuses until the refused event is alone in its batch."""
        batches = [claims]
        while batches:
            batch = batches.pop(0)
            if self._stop.is_set():
                self._release([batch, *batches])
                return 0.0
            try:
                verdicts = self._send(batch)
            except DeliveryError as error:
                if error.kind is FailureKind.REJECTED and len(batch) > 1:
                    middle = len(batch) // 2
                    batches[:0] = [batch[:middle], batch[middle:]]
                    self._renew(batches)
                    continue
                verdicts = [error] * len(batch)
            pause = self._record(batch, verdicts, batches)
            if pause is not None:
                return pause
        return 0.0

    def _send(self, batch: list[Claim]) -> Sequence[Verdict]:
        began, outcome = monotonic(), "failed"
        try:
            if batch[0].is_probe:
                verdicts: Sequence[Verdict] = [self._sender.probe(batch[0].payload)]
            else:
                verdicts = self._sender.send([claim.payload for claim in batch])
            failure = next((verdict for verdict in verdicts if verdict is not None), None)
            outcome = "accepted" if failure is None else failure.kind.value
        except DeliveryError as error:
            outcome = error.kind.value
            raise
        finally:
            with counting():
                POSTHOG_SECONDS.labels(outcome).observe(monotonic() - began)
        return verdicts

    def _record(
        self, batch: list[Claim], verdicts: Sequence[Verdict], later: list[list[Claim]]
    ) -> float | None:
        """Record what became of each event of a batch. Return None if the later batches can be sent
        now; else they were given back, and it is how many seconds to wait before the next claim."""
        groups: defaultdict[FailureKind | None, list[Refused]] = defaultdict(list)
        accepted = []
        for claim, verdict in zip(batch, verdicts, strict=True):
            if verdict is None:
                accepted.append(claim)
            else:
                groups[verdict.kind].append(Refused(claim, verdict))
        if accepted:
            self._mark_delivered(accepted)
        if rejected := groups.pop(FailureKind.REJECTED, None):
            self._make_dead_letters(rejected)
            self._renew(later)
        dropped = groups.pop(FailureKind.OVER_QUOTA, None)
        if again := [refused for group in groups.values() for refused in group]:
            claims = [refused.claim for refused in again]
            pause = self._reschedule([claims, *later], again[0].error)
            return max(pause, self._wait_for_quota(dropped, [])) if dropped else pause
        return self._wait_for_quota(dropped, later) if dropped else None

    def _mark_delivered(self, batch: list[Claim]) -> None:
        is_probe = batch[0].is_probe
        with self._database.writing() as connection:
            outbox.mark_delivered(connection, _ids([batch]), self._clock())
            if is_probe:
                end_quota(connection)
        self._failures = 0
        self._batch_events = min(self._batch_events * 2, MAX_BATCH_EVENTS)
        log.info("delivered", events=len(batch))
        if is_probe:
            log.info("PostHog takes events again, which it dropped for its quota")

    def _make_dead_letters(self, letters: list[Refused]) -> None:
        at = self._clock()
        with self._database.writing() as connection:
            for claim, error in letters:
                outbox.dead_letter(connection, [claim.id], at, error.reason, error.error_message)
        for claim, error in letters:
            log.error("dead letter", reason=error.reason, outbox_id=claim.id)

    def _wait_for_quota(self, dropped: list[Refused], later: list[list[Claim]]) -> float:
        """Let all events wait for the quota; return how many seconds to wait before the next claim,
        which finds out that they do."""
        at, error = self._clock(), dropped[0].error
        ids = [refused.claim.id for refused in dropped]
        with self._database.writing() as connection:
            outbox.postpone(connection, ids, at, error.reason, error.error_message)
            outbox.release(connection, _ids(later), at)
            begin_quota(connection, at)
        log.error(
            "PostHog drops events, because its quota is used up; all wait",
            events=len(ids),
            seconds=PROBE_PAUSE.total_seconds(),
        )
        return POLL_SECONDS

    def _renew(self, batches: list[list[Claim]]) -> None:
        """Extend the lease of the remaining batches, because halving takes many requests."""
        if batches:
            with self._database.writing() as connection:
                outbox.renew(connection, _ids(batches), self._clock() + LEASE)

    def _release(self, batches: list[list[Claim]]) -> None:
        with self._database.writing() as connection:
            outbox.release(connection, _ids(batches), self._clock())

    def _reschedule(self, batches: list[list[Claim]], error: DeliveryError) -> float:
        """Postpone all events that were claimed; return how many seconds to wait before the next
        claim."""
        until = self._clock()
        if error.kind is FailureKind.NEEDS_OPERATOR:
            pause = LONGEST_PAUSE_SECONDS
            log.error(
                "delivery pauses; check CSAT_POSTHOG_HOST and CSAT_POSTHOG_KEY",
                reason=error.reason,
                seconds=pause,
            )
        else:
            pause = self._next_pause(error.retry_after)
            self._batch_events = max(self._batch_events // 2, 1)
            # Other events go first, because PostHog may have failed on one of these.
            until += timedelta(seconds=pause)
            log.warning("PostHog did not accept", reason=error.reason, seconds=round(pause, 1))
        with self._database.writing() as connection:
            outbox.postpone(connection, _ids(batches), until, error.reason, error.error_message)
        return pause

    def _next_pause(self, retry_after: float | None = None) -> float:
        """Return the next pause in seconds: what PostHog asks for, or else an exponential backoff
        with full jitter; both at most LONGEST_PAUSE_SECONDS."""
        self._failures += 1
        if retry_after is not None and retry_after > 0:
            return min(retry_after, LONGEST_PAUSE_SECONDS)
        ceiling = FIRST_PAUSE_SECONDS * 2 ** min(self._failures, 10)
        longest = min(ceiling, LONGEST_PAUSE_SECONDS)
        return random.uniform(0.0, longest)  # nosec B311 # a pause is no secret


def _ids(batches: Sequence[Sequence[Claim]]) -> list[int]:
    return [claim.id for batch in batches for claim in batch]


def _nothing() -> "Future[list[Claim]]":
    claimed: Future[list[Claim]] = Future()
    claimed.set_result([])
    return claimed


def _log_unexpected(error: Exception) -> None:
    log.error("delivery failed unexpectedly", exc_info=error)
