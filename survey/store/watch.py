"""Ends connections to a database server that are in use for too long.

A frozen server keeps its connections, and its kernel still acknowledges packets, so no network
timeout ever comes. Therefore a thread checks the connections in use, and shuts down those that are
in use for too long. The code that waits for such a connection then reads the end of the stream.
"""

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, sleep

from survey.store.errors import StoreError

# How long the thread sleeps between two checks.
TICK_SECONDS = 0.1
# After a connection was ended, no other use begins for this long: it would wait for nothing.
REST_SECONDS = 2.0


class Use:
    """One use of a connection; `descriptor` is its file descriptor, once this is known."""

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
        """Watch the use of a connection. Raises StoreError if the connection had to be ended, and
        for REST_SECONDS after any connection had to be ended."""
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
                    # End it at each check: the connection may have opened only after its time.
                    if now > use.ends_at:
                        self._end(use)
            sleep(TICK_SECONDS)

    def _end(self, use: Use) -> None:
        """Shut down the connection of a use. The caller holds the lock, so that the descriptor
        still belongs to the connection."""
        use.was_ended = True
        self._rests_until = monotonic() + REST_SECONDS
        if use.descriptor is not None:
            with (
                contextlib.suppress(OSError),
                socket.socket(fileno=os.dup(use.descriptor)) as connection,
            ):
                connection.shutdown(socket.SHUT_RDWR)
