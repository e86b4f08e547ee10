"""Counts that are gathered in memory, and written together some seconds later."""

import threading
from collections import Counter
from collections.abc import Callable, Hashable
from time import sleep
from typing import Generic, TypeVar

import structlog

from survey.errors import CsatError
from survey.logs import find_place

Key = TypeVar("Key", bound=Hashable)

# So many keys need a few megabytes. A count beyond them is not kept.
MOST_KEYS = 100_000
# How long after a failure the next write is tried.
RETRY_SECONDS = 5.0

log = structlog.get_logger()


class Gatherer(Generic[Key]):
    """Hands counts to `write`, in a thread of its own, `seconds` after the first of them was added.

    However many are added, there is one write in that time. What cannot be written is tried again
    as long as the process lives; nobody waits for it.
    """

    def __init__(self, write: Callable[[Counter[Key]], None], seconds: float) -> None:
        self._write = write
        self._seconds = seconds
        self._gathered: Counter[Key] = Counter()
        self._lock = threading.Lock()
        self._is_running = False

    def add(self, key: Key) -> None:
        """Count one more."""
        with self._lock:
            if key in self._gathered or len(self._gathered) < MOST_KEYS:
                self._gathered[key] += 1
            starts, self._is_running = not self._is_running, True
        if starts:
            threading.Thread(target=self._run, name="gathering", daemon=True).start()

    def _run(self) -> None:
        has_failed = False
        while True:
            sleep(max(self._seconds, RETRY_SECONDS) if has_failed else self._seconds)
            with self._lock:
                gathered, self._gathered = self._gathered, Counter()
                if not gathered:
                    self._is_running = False
                    return
            try:
                self._write(gathered)
                has_failed = False
            except CsatError as error:
                if not has_failed:  # that it goes on need not be said again and again
                    log.error("counts not written", reason=str(error))
                has_failed = True
                self._keep(gathered)
            except Exception as error:
                log.error("counts not written", error=type(error).__name__, at=find_place(error))

    def _keep(self, gathered: Counter[Key]) -> None:
        with self._lock:
            gathered.update(self._gathered)
            self._gathered = gathered
