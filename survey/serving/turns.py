"""Turns: only one of many threads works, until this thread must wait.

Python runs one thread at a time. Threads that could all run hinder each other: each wakes up only
to wait for the others. So one thread reads requests and answers them, one after the other, as long
as it need not wait. If the application waits, `pass_on_if_stuck` gives the turn to another thread.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

# This is longer than the application takes for an answer without waiting.
STUCK_SECONDS = 0.05


class Turns:
    """Lets only one of the threads that call `take` run at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holder: int | None = None
        self._is_free = True
        # Threads that wait for the turn, each on its own lock. The thread that came last goes
        # first, because its memory is still in the processor's cache.
        self._waiting: list[tuple[int, threading.Lock]] = []
        self._began_at: float | None = None

    @property
    def is_mine(self) -> bool:
        """Whether this thread has the turn."""
        return self._holder == threading.get_ident()

    @property
    def are_threads_left(self) -> bool:
        """Whether another thread could take the turn at once."""
        return bool(self._waiting)

    def take(self) -> None:
        """Wait for the turn."""
        me = threading.get_ident()
        with self._lock:
            if self._is_free:
                self._is_free, self._holder = False, me
                return
            gate = threading.Lock()
            gate.acquire()
            self._waiting.append((me, gate))
        gate.acquire()

    @contextmanager
    def application(self) -> Iterator[None]:
        """Mark the time in the application. `pass_on_if_stuck` takes the turn only in this time."""
        with self._lock:
            if self.is_mine:
                self._began_at = monotonic()
        try:
            yield
        finally:
            with self._lock:
                if self.is_mine:
                    self._began_at = None

    def pass_on(self) -> None:
        """Give the turn to another thread, if this thread has it."""
        with self._lock:
            if self.is_mine:
                self._pass_on()

    def pass_on_if_stuck(self) -> None:
        """Give the turn to another thread if the application has had it for too long."""
        with self._lock:
            if self._began_at is not None and monotonic() - self._began_at > STUCK_SECONDS:
                self._pass_on()

    def _pass_on(self) -> None:
        self._began_at = None
        if self._waiting:
            self._holder, gate = self._waiting.pop()
            gate.release()
        else:
            self._holder, self._is_free = None, True
