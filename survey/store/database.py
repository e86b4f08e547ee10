"""Opening the database: one engine, short reading and writing transactions."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Select, create_engine, event, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.sql.compiler import SQLCompiler

from survey.settings import CsatError

# How long a writer waits for another process's transaction; ours take milliseconds.
BUSY_TIMEOUT_SECONDS = 10.0


# At least as many connections are kept as a worker has threads: what comes on top would be opened
# and closed for each request.
POOL_SIZE = 16

_SQLITE_OPTIONS: dict[str, Any] = {
    "connect_args": {"timeout": BUSY_TIMEOUT_SECONDS},
    # Transactions end where they are begun, below; a connection that comes back has none open.
    "pool_reset_on_return": None,
}


class StoreError(CsatError):
    """The database cannot be used; the message says what to do."""


class Database:
    """The configured database. Opening it connects to nothing yet."""

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self.engine = create_engine(
            self.url,
            **(_SQLITE_OPTIONS if self.is_sqlite else {}),
            pool_size=POOL_SIZE,
            # Errors reach the logs, which must not hold what customers wrote.
            hide_parameters=True,
        )
        self._compiled: dict[Select[Any], SQLCompiler] = {}
        self._writing: Any = nullcontext()
        if self.is_sqlite:
            # SQLite has one writer. Threads of one process queue here instead of in its busy
            # handler, which sleeps ever longer and is not fair.
            self._writing = threading.Lock()
            event.listen(self.engine, "connect", _prepare_sqlite)
            event.listen(self.engine, "begin", _begin_sqlite)

    @property
    def is_sqlite(self) -> bool:
        """Whether this is an SQLite file."""
        return self.url.get_backend_name() == "sqlite"

    @property
    def path(self) -> Path | None:
        """The SQLite file; None for a database server."""
        return Path(self.url.database or "") if self.is_sqlite else None

    @property
    def exists(self) -> bool:
        """Whether there is something to read: an SQLite file is made at the first start."""
        return self.path is None or self.path.is_file()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state of the data; raises StoreError if it cannot be read."""
        if not self.exists:
            raise StoreError(
                f"there is no database at {self.path}. `csat serve` makes one at its first start; "
                "CSAT_DATABASE_URL names another."
            )
        with _as_store_error(), self.engine.connect() as connection:
            yield connection

    def ask(self, statement: Select[Any], **parameters: object) -> Any:
        """The first value that a statement finds, or None; raises StoreError.

        For the one question that every opened link asks: it goes past the layers that cost more
        than the answer, and needs no transaction.
        """
        if statement not in self._compiled:
            self._compiled[statement] = statement.compile(self.engine)
        compiled = self._compiled[statement]
        with _as_store_error():
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

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is durably committed at the end of the block, or not at all.

        Raises StoreError where it cannot be; an SQLite file that was taken away is not made anew,
        and its open remains are not written: nobody would find there what was acknowledged.
        """
        if not self.exists:
            self.engine.dispose()
            raise StoreError(f"there is no database at {self.path} any more")
        with _as_store_error(), self._writing:
            # A writer takes SQLite's lock at once: a transaction that reads first and is refused
            # the lock afterwards could not wait for it.
            engine = self.engine.execution_options(begin="BEGIN IMMEDIATE")
            with engine.begin() as connection:
                yield connection

    def close(self) -> None:
        """Let go of all connections."""
        self.engine.dispose()


@contextmanager
def _as_store_error() -> Iterator[None]:
    try:
        yield
    except DBAPIError as error:
        raise StoreError(f"the database cannot be used: {error.orig}") from error
    except sqlite3.Error as error:  # while a connection is made
        raise StoreError(f"the database cannot be used: {error}") from error


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # Without this the driver begins transactions itself, later and weaker than asked.
    connection.isolation_level = None
    # FULL: a commit is on the disk before it is acknowledged, also when the power fails.
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(connection.get_execution_options().get("begin", "BEGIN"))


def prepare_file(engine: Engine, path: Path) -> None:
    """Make the folder of an SQLite file and put the file into WAL mode, which it then keeps.

    WAL: readers and the writer do not wait for each other.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with _as_store_error():
        connection = engine.raw_connection()
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        finally:
            connection.close()
