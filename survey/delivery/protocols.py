"""Which of PostHog's two protocols is used: v1, or the batch call where v1 is not offered."""

from collections.abc import Callable

# How long the batch call is used where v1 is not offered, before v1 is tried again.
NOT_OFFERED_SECONDS = 3600.0
# The same where v1 answers with errors of the server, and the batch call does not.
FAILING_SECONDS = 300.0
# After so many errors of the server in a row, v1 may be out of order alone: a PostHog of one's own
# can have the address of v1 without what is behind it.
FAILURES = 3


class ProtocolChoice:
    """The protocol that a host takes, by what it answered. `clock` returns seconds.

    The batch call is preferred only after it was accepted where v1 was not, so that a fault that
    both have changes nothing.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._batch_until: float | None = None
        self._failures = 0

    @property
    def is_v1(self) -> bool:
        """Whether the next batch goes by v1."""
        if self._batch_until is not None and self._clock() < self._batch_until:
            return False
        return self._failures < FAILURES

    def note_v1_answered(self) -> None:
        """Note that v1 is offered, whatever it said of the events."""
        self._batch_until = None
        self._failures = 0

    def note_v1_failed(self) -> None:
        """Note an error of the server."""
        self._failures += 1

    def note_batch_accepted(self) -> float | None:
        """Note that the batch call was accepted; return for how many seconds it is used from now
        on, None if it was used already."""
        at = self._clock()
        if self._batch_until is not None and at < self._batch_until:
            return None
        seconds = FAILING_SECONDS if self._failures >= FAILURES else NOT_OFFERED_SECONDS
        self._batch_until, self._failures = at + seconds, 0
        return seconds

    def note_batch_failed(self) -> None:
        """Note that the batch call was not accepted either."""
        self._failures = 0
