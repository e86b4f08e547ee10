"""Where those who write to an SQLite file wait for each other: in turn, and not for ever.

SQLite has one writer, and lets others wait in a busy handler that sleeps ever longer: under load
some wait for seconds. Here threads wait for a lock, and processes for a lock on a file beside the
database, which the kernel gives to one after the other, and takes back from a holder that dies. One
that is suspended keeps it, so nobody waits for longer than a timeout.
"""

import fcntl
import os
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

from survey.private_files import open_descriptor
from survey.store.errors import StoreError


class WriterQueue:
    """The queue of the writers of one file; `timeout` is in seconds."""

    def __init__(self, path: Path, timeout: float) -> None:
        self._path = path.with_name(path.name + "-writer")
        self._timeout = timeout
        self._thread_lock = threading.Lock()
        self._descriptor: int | None = None
        self._asking: _Asking | None = None

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait until no other thread or process writes; raises StoreError after the timeout."""
        ends_at = monotonic() + self._timeout
        if not self._thread_lock.acquire(timeout=self._timeout):
            raise self._busy()
        try:
            try:
                descriptor = self._lock_file(ends_at)
            except OSError as error:
                raise StoreError(f"{self._path} cannot be locked: {error.strerror}") from error
            try:
                yield
            finally:
                fcntl.flock(descriptor, fcntl.LOCK_UN)
        finally:
            self._thread_lock.release()

    def _lock_file(self, ends_at: float) -> int:
        """Get the file's lock; the file."""
        if self._descriptor is None:
            self._descriptor = self._open()
        if self._asking is None or not self._asking.take_up():
            try:
                fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return self._descriptor
            except BlockingIOError:
                self._asking = _Asking(self._descriptor)
        if not self._asking.wait(max(0.0, ends_at - monotonic())):
            raise self._busy()
        self._asking = None
        return self._descriptor

    def _busy(self) -> StoreError:
        return StoreError(
            f"another process has been writing to the database for over {self._timeout:.0f} s "
            f"({self._path} is locked)"
        )

    def _open(self) -> int:
        # Kept open, and never removed: whoever holds another file of the same name would wait
        # for nobody.
        descriptor = open_descriptor(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
        weakref.finalize(self, os.close, descriptor)
        return descriptor


class _Asking:
    """A thread that waits for the lock of a file in the kernel's queue, where everybody gets their
    turn; waiting there has no timeout. A lock that comes when nobody wants it is given back."""

    def __init__(self, descriptor: int) -> None:
        # The same lock, by a descriptor that nobody closes meanwhile.
        self._descriptor = os.dup(descriptor)
        self._lock = threading.Lock()
        self._is_over = threading.Event()
        self._is_wanted = True
        self._error: OSError | None = None
        threading.Thread(target=self._ask, name="writer-queue", daemon=True).start()

    def take_up(self) -> bool:
        """Want the lock again after having given up; False if it was given back meanwhile."""
        with self._lock:
            self._is_wanted = not self._is_over.is_set()
            return self._is_wanted

    def wait(self, seconds: float) -> bool:
        """Return whether the lock has come in time; raises OSError where there is none to be
        had."""
        self._is_over.wait(seconds)
        with self._lock:
            if not self._is_over.is_set():
                self._is_wanted = False
                return False
        if self._error is not None:
            raise self._error
        return True

    def _ask(self) -> None:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        except OSError as error:
            self._error = error
        with self._lock:
            if not self._is_wanted and self._error is None:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)
            self._is_over.set()
        os.close(self._descriptor)
