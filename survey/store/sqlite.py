"""SQLite: one file, one writer at a time, everybody in turn."""

import fcntl
import os
import sqlite3
import threading
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.sql.compiler import SQLCompiler

from survey.store.errors import StoreError

# For those who write without waiting in our queue, like a backup by hand.
BUSY_TIMEOUT_SECONDS = 10.0


class SqliteFile:
    """The database as one file in WAL mode, in which readers and the writer do not wait for
    each other."""

    def __init__(self, url: URL, **options: Any) -> None:
        self.path = Path(url.database or "")
        self.engine = create_engine(
            url,
            connect_args={"timeout": BUSY_TIMEOUT_SECONDS},
            # Transactions end where they are begun, below; a connection that comes back has none.
            pool_reset_on_return=None,
            **options,
        )
        event.listen(self.engine, "connect", _prepare_connection)
        event.listen(self.engine, "begin", _begin)
        # A writer takes SQLite's lock at once: a transaction that reads first and is refused
        # the lock afterwards could not wait for it.
        self.writing_engine: Engine = self.engine.execution_options(begin="BEGIN IMMEDIATE")
        self.reading_engine: Engine = self.engine
        self._queue = _WriterQueue(self.path)
        self._file: tuple[int, int] | None = None

    def check(self) -> None:
        """Raise StoreError where there is no file: only an upgrade makes one.

        A file that was taken away is not made anew, and its open remains are not used: nobody
        would find there what was acknowledged.
        """
        try:
            found = self.path.stat()
        except OSError:
            found = None
        file = (found.st_dev, found.st_ino) if found else None
        if file != self._file:
            # Taken away, or replaced by another of the same name.
            self.engine.dispose()
            self._file = file
        if file is None:
            raise StoreError(
                f"there is no database at {self.path}. `csat serve` makes one at its first start; "
                "CSAT_DATABASE_URL names another."
            )

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait until no other thread or process writes."""
        with self._queue.turn():
            yield

    def prepare(self) -> None:
        """Make the folder and the file, and put it into WAL mode, which it then keeps."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{self.path} cannot be made: {error.strerror}") from error
        with self.turn():
            connection = self.engine.raw_connection()
            try:
                connection.execute("PRAGMA journal_mode=WAL")
            finally:
                connection.close()

    def ask(self, compiled: SQLCompiler, parameters: dict[str, object]) -> Any:
        """The first value of the first row, or None."""
        connection = self.engine.raw_connection()
        try:
            cursor = connection.cursor()
            cursor.execute(
                compiled.string, [parameters[name] for name in compiled.positiontup or ()]
            )
            row = cursor.fetchone()
            cursor.close()
        finally:
            connection.close()
        return None if row is None else row[0]

    def lock_upgrade(self, connection: Connection) -> None:
        """Nobody else writes while this transaction does."""

    def lock_tickets(self, connection: Connection, ticket_ids: Sequence[str]) -> None:
        """Nobody else writes while this transaction does."""

    def lock_imports(self, connection: Connection) -> None:
        """Nobody else writes while this transaction does."""

    def prepare_claim(self, connection: Connection) -> None:
        """SQLite goes by the index by itself."""

    def is_writable(self, connection: Connection) -> bool:
        """A transaction that was begun for writing can write."""
        return True

    def explain(self, error: BaseException | None) -> str:
        """SQLite's own words, which hold no values."""
        return str(error)


class _WriterQueue:
    """Where writers wait for each other: fair, and without SQLite's sleeping.

    SQLite has one writer, and lets others wait in a busy handler that sleeps ever longer: under
    load some wait for seconds. Here threads wait for a lock, and processes for a lock on a file
    beside the database, which the kernel lets go of when its holder dies.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(path.name + "-writer")
        self._thread_lock = threading.Lock()
        self._descriptor: int | None = None

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait until no other thread or process writes."""
        with self._thread_lock:
            try:
                if self._descriptor is None:
                    self._descriptor = self._open()
                fcntl.flock(self._descriptor, fcntl.LOCK_EX)
            except OSError as error:
                raise StoreError(f"{self._path} cannot be locked: {error.strerror}") from error
            try:
                yield
            finally:
                fcntl.flock(self._descriptor, fcntl.LOCK_UN)

    def _open(self) -> int:
        # Kept open, and never removed: whoever holds another file of the same name would wait
        # for nobody.
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        weakref.finalize(self, os.close, descriptor)
        return descriptor


def _prepare_connection(connection: sqlite3.Connection, _record: object) -> None:
    # Without this the driver begins transactions itself, later and weaker than asked.
    connection.isolation_level = None
    # FULL: a commit is on the disk before it is acknowledged, also when the power fails.
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))
