"""The queue in which the writers of an SQLite file wait for their turn, with a timeout.

SQLite has one writer. The others wait in a busy handler that sleeps longer each time, so under load
some wait for seconds. Here, threads wait for a lock, and processes for a lock on a file beside the
database. The kernel gives that lock to one process after the other, and takes it back if its holder
dies. A suspended holder keeps it, so no writer waits for longer than a timeout.
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
        """Take the file's lock; return the file's descriptor."""
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
        # The file is kept open and never removed: a process with another file of the same name
        # would not wait for the others.
        descriptor = open_descriptor(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
        weakref.finalize(self, os.close, descriptor)
        return descriptor


class _Asking:
    """A thread that waits for a file's lock in the kernel's queue, where each one gets its turn.
    This wait has no timeout. If the lock comes when it is not wanted any more, it is released."""

    def __init__(self, descriptor: int) -> None:
        # This descriptor holds the same lock, and nobody closes it meanwhile.
        self._descriptor = os.dup(descriptor)
        self._lock = threading.Lock()
        self._is_over = threading.Event()
        self._is_wanted = True
        self._error: OSError | None = None
        threading.Thread(target=self._ask, name="writer-queue", daemon=True).start()

    def take_up(self) -> bool:
        """Want the lock again after a timeout; return False if it was released meanwhile."""
        with self._lock:
            self._is_wanted = not self._is_over.is_set()
            return self._is_wanted

    def wait(self, seconds: float) -> bool:
        """Return whether the lock has come in time. Raises OSError if the file cannot be locked."""
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
