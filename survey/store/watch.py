"""Ends connections to a database server that are in use for too long.

A server that is frozen keeps its connections, and its kernel goes on acknowledging: no timeout of
the network ever comes. So a thread looks at what is in use, and ends what had its time; whoever
waits for it then reads its end.
"""

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, sleep

from survey.store.errors import StoreError

# How often the thread looks.
TICK_SECONDS = 0.1
# After a connection had to be ended, nobody else tries for so long: all would wait in vain.
REST_SECONDS = 2.0


class Use:
    """One use of a connection; `descriptor` is the connection's file, once it is known."""

    def __init__(self, ends_at: float) -> None:
        self.ends_at = ends_at
        self.descriptor: int | None = None
        self.was_ended = False


class Watch:
    """Watches the connections of a process; `seconds` is how long each may be used."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._uses: set[Use] = set()
        self._lock = threading.Lock()
        self._is_running = False
        self._rests_until = 0.0

    @contextmanager
    def use(self) -> Iterator[Use]:
        """Around the use of a connection; raises StoreError where it had to be ended, and for a
        moment after another had to be."""
        if monotonic() < self._rests_until:
            raise StoreError("the database did not answer a moment ago")
        use = Use(monotonic() + self._seconds)
        with self._lock:
            self._uses.add(use)
            starts, self._is_running = not self._is_running, True
        if starts:
            threading.Thread(target=self._run, name="database-watch", daemon=True).start()
        try:
            yield use
        except Exception as error:
            if use.was_ended:
                raise StoreError(
                    f"the database did not answer within {self._seconds:.0f} s"
                ) from error
            raise
        finally:
            with self._lock:
                self._uses.discard(use)

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._uses:
                    self._is_running = False
                    return
                now = monotonic()
                for use in self._uses:
                    # Again and again: the connection may have come only after the time was over.
                    if now > use.ends_at:
                        self._end(use)
            sleep(TICK_SECONDS)

    def _end(self, use: Use) -> None:
        """While the lock is held, so that the file is still the connection's."""
        use.was_ended = True
        self._rests_until = monotonic() + REST_SECONDS
        if use.descriptor is not None:
            with (
                contextlib.suppress(OSError),
                socket.socket(fileno=os.dup(use.descriptor)) as connection,
            ):
                connection.shutdown(socket.SHUT_RDWR)
