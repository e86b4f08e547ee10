"""The SQLite database: one file with one writer at a time. Writers wait for their turn."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.sql.compiler import SQLCompiler

from survey.private_files import create_private, make_folder, make_private
from survey.store.errors import StoreError
from survey.store.writer_queue import WriterQueue

# How long one writer waits for another, in our queue or in SQLite's. SQLite's wait is for programs
# that do not use our queue, like a backup by hand.
BUSY_TIMEOUT_SECONDS = 10.0
# How long cleaning waits for those who read, and how long others wait for one try.
CLEANING_SECONDS = 30.0
_CHECKPOINT_SECONDS = 0.1
# The `user_version` of a file in which whatever was deleted is overwritten.
_CLEAN = 1
_MARK_AS_CLEAN = f"PRAGMA user_version={_CLEAN}"


class SqliteFile:
    """The database as one file in WAL mode, in which readers and the writer do not wait for
    each other."""

    driver_error = sqlite3.Error

    def __init__(self, url: URL, deadline: float | None, **options: Any) -> None:
        timeout = min(deadline or BUSY_TIMEOUT_SECONDS, BUSY_TIMEOUT_SECONDS)
        self.path = Path(url.database or "")
        self.engine = create_engine(
            url,
            connect_args={"timeout": timeout},
            # The code that begins a transaction also ends it, so a returned connection has none.
            pool_reset_on_return=None,
            **options,
        )
        event.listen(self.engine, "connect", _prepare_connection)
        event.listen(self.engine, "begin", _begin)
        # A writer takes SQLite's lock at once, because a transaction that has read before could
        # not wait for the lock.
        self.writing_engine: Engine = self.engine.execution_options(begin="BEGIN IMMEDIATE")
        self.reading_engine: Engine = self.engine
        self._queue = WriterQueue(self.path, timeout)
        self._file: tuple[int, int] | None = None

    def check(self) -> None:
        """Raise StoreError if there is no file: only an upgrade creates one.

        A file that was removed is not created again, and connections to it are not used: nobody
        would find the acknowledged answers there.
        """
        try:
            found = self.path.stat()
        except OSError:
            found = None
        file = (found.st_dev, found.st_ino) if found else None
        if file != self._file:
            # The file was removed, or replaced by another one of the same name.
            self.engine.dispose()
            self._file = file
        if file is None:
            raise StoreError(
                f"there is no database at {self.path}. `csat serve` makes one at its first start; "
                "CSAT_DATABASE_URL names another."
            )

    @contextmanager
    def use(self) -> Iterator[Callable[[Connection], None]]:
        """Do nothing: a file answers at once, and each wait for a lock has its own timeout."""
        yield lambda _: None

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait until no other thread or process writes."""
        with self._queue.turn():
            yield

    def prepare(self) -> None:
        """Create the folder and the file, and set the file's WAL mode, which it then keeps."""
        try:
            make_folder(self.path.parent)
            create_private(self.path)
        except OSError as error:
            raise StoreError(f"{self.path} cannot be made: {error.strerror}") from error
        if not self.path.stat().st_size:
            with closing(self._connect(BUSY_TIMEOUT_SECONDS)) as connection, self.turn():
                connection.execute(_MARK_AS_CLEAN)
        self.keep_journal()

    def keep_journal(self) -> None:
        """Set the file's WAL mode again, if another program or a killed restore has changed it."""
        connection = self.engine.raw_connection()
        try:
            if connection.execute("PRAGMA journal_mode").fetchone() != ("wal",):
                with self.turn():
                    connection.execute("PRAGMA journal_mode=WAL")
        finally:
            connection.close()

    def needs_rebuild(self) -> bool:
        """Return whether an earlier release, which did not overwrite what it deleted, has written
        to the file."""
        with closing(self._connect(BUSY_TIMEOUT_SECONDS)) as connection:
            return bool(connection.execute("PRAGMA user_version").fetchone() != (_CLEAN,))

    def rebuild(self) -> None:
        """Write the file anew, without what was deleted. Nobody else writes meanwhile."""
        with closing(self._connect(BUSY_TIMEOUT_SECONDS)) as connection, self.turn():
            connection.execute("VACUUM")
            connection.execute(_MARK_AS_CLEAN)

    def clean(self, tables: Sequence[str]) -> None:
        """Write all changes from the log to the file, and empty the log, so that neither holds what
        was deleted or changed. Raise StoreError if somebody reads an older state for too long."""
        ends_at = monotonic() + CLEANING_SECONDS
        with closing(self._connect(_CHECKPOINT_SECONDS)) as connection:
            while True:
                with self.turn():
                    row = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                if row[0] == 0:
                    return
                if monotonic() > ends_at:
                    raise StoreError(
                        f"{self.path}-wal still holds what was erased: something has been reading "
                        f"the database for over {CLEANING_SECONDS:.0f} s. End it, and run this "
                        "again."
                    )
                sleep(_CHECKPOINT_SECONDS)

    def _connect(self, timeout: float) -> sqlite3.Connection:
        """Open a connection that begins no transactions by itself."""
        connection = sqlite3.connect(self.path, timeout=timeout)
        _prepare_connection(connection, None)
        return connection

    def keep_private(self) -> None:
        """Let only the owner read the database file and the files beside it. An earlier release let
        others read them. SQLite creates new files beside it with the mode of the database file."""
        for suffix in ("", "-wal", "-shm", "-writer"):
            make_private(self.path.with_name(self.path.name + suffix))

    def ask(self, compiled: SQLCompiler, parameters: dict[str, object]) -> Any:
        """Return the first value of the first row, or None."""
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
        """Do nothing: nobody else writes while this transaction does."""

    def lock_tickets(self, connection: Connection, ticket_ids: Sequence[str]) -> None:
        """Do nothing: nobody else writes while this transaction does."""

    def lock_imports(self, connection: Connection) -> None:
        """Do nothing: nobody else writes while this transaction does."""

    def lock_ledger(self, connection: Connection) -> None:
        """Do nothing: nobody else writes while this transaction does."""

    def lock_invitations(self, connection: Connection) -> None:
        """Do nothing: nobody else writes while this transaction does."""

    def prepare_claim(self, connection: Connection) -> None:
        """Do nothing: SQLite uses the index by itself."""

    def explain(self, error: BaseException | None) -> str:
        """Return SQLite's own message, which contains no values."""
        return str(error)


def _prepare_connection(connection: sqlite3.Connection, _record: object) -> None:
    # Without this, the driver begins transactions itself, later and with weaker locks.
    connection.isolation_level = None
    # FULL: a commit is on the disk before it is acknowledged, also when the power fails.
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")
    # What is deleted or changed leaves the file, too: an erasure must not leave words in it.
    connection.execute("PRAGMA secure_delete=ON")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))
