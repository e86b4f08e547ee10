"""Opening the database: one engine, short reading and writing transactions."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Connection, Engine, Select, make_url
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.sql.compiler import SQLCompiler

from survey.addresses import hide_secrets
from survey.store.errors import RefusedData, StoreError
from survey.store.sqlite import SqliteFile

if TYPE_CHECKING:
    from survey.store.postgresql import PostgresqlServer

# More threads than this wait for each other: a question takes less time than a connection.
POOL_SIZE = 16
# Nobody waits longer for a connection, for their turn to write, or for a lock.
LONGEST_WAIT_SECONDS = 10.0
# While a customer waits, and may have to wait for two of these, one behind the other.
CUSTOMER_WAIT_SECONDS = 3.0


class Database:
    """The configured database. Opening it connects to nothing yet.

    With `deadline`, in seconds, nothing here takes longer: not a transaction either, whatever the
    database does. Without one only waiting has an end.
    """

    def __init__(self, url: str, deadline: float | None = None) -> None:
        self.url = make_url(url)
        self._backend: SqliteFile | PostgresqlServer = _backend_class(self.url)(
            self.url,
            deadline,
            pool_size=POOL_SIZE,
            max_overflow=0,
            pool_timeout=deadline or LONGEST_WAIT_SECONDS,
            # Errors reach the logs, which must not hold what customers wrote.
            hide_parameters=True,
        )
        self._compiled: dict[Select[Any], SQLCompiler] = {}

    @property
    def engine(self) -> Engine:
        """The engine behind all connections."""
        return self._backend.engine

    @property
    def is_sqlite(self) -> bool:
        """Whether this is an SQLite file."""
        return self.url.get_backend_name() == "sqlite"

    @property
    def path(self) -> Path | None:
        """The SQLite file; None for a database server."""
        return self._backend.path

    @property
    def exists(self) -> bool:
        """Whether there is something to read: an SQLite file is made at the first start."""
        return self.path is None or self.path.is_file()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction that sees one state of the data; raises StoreError if it cannot be read."""
        self._backend.check()
        with (
            self._as_store_error(),
            self._backend.use() as use,
            self._backend.reading_engine.connect() as connection,
        ):
            use(connection)
            yield connection

    def ask(self, statement: Select[Any], **parameters: object) -> Any:
        """Return the first value that a statement finds, or None; raises StoreError.

        For the one question that every opened link asks: it goes past the layers that cost more
        than the answer, and needs no transaction.
        """
        self._backend.check()
        if statement not in self._compiled:
            self._compiled[statement] = statement.compile(self.engine)
        with self._as_store_error():
            return self._backend.ask(self._compiled[statement], parameters)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that is durably committed at the end of the block, or not at all.

        Raises StoreError where it cannot be. On SQLite nobody else writes meanwhile; on
        PostgreSQL others do, unless one of the locks below is taken.
        """
        self._backend.check()
        with (
            self._as_store_error(),
            self._backend.turn(),
            self._backend.use() as use,
            self._backend.writing_engine.begin() as connection,
        ):
            use(connection)
            yield connection

    @contextmanager
    def upgrading(self) -> Iterator[Connection]:
        """A writing transaction in which the schema may change; one upgrade after the other."""
        with self._as_store_error():
            self._backend.prepare()
        with self.writing() as connection:
            self._backend.lock_upgrade(connection)
            yield connection

    def keep_private(self) -> None:
        """Let only their owner read the files of the database."""
        self._backend.keep_private()

    def lock_tickets(self, connection: Connection, ticket_ids: Sequence[str]) -> None:
        """Lock these tickets, in a writing transaction: what is read of them from now on stays as
        it is."""
        self._backend.lock_tickets(connection, ticket_ids)

    def lock_imports(self, connection: Connection) -> None:
        """Lock imported answers, in a writing transaction: they stay as they are, whatever their
        tickets."""
        self._backend.lock_imports(connection)

    @contextmanager
    def claiming(self) -> Iterator[Connection]:
        """A writing transaction that takes the first rows of a queue, as fast however many stand
        behind them. What it writes is seen by all, and may be lost in a crash of the server."""
        with self.writing() as connection:
            self._backend.prepare_claim(connection)
            yield connection

    def close(self) -> None:
        """Let go of all connections."""
        self.engine.dispose()

    @contextmanager
    def _as_store_error(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            kind = RefusedData if isinstance(error, DataError | IntegrityError) else StoreError
            raise kind(self._explain(error.orig)) from error
        except self._backend.driver_error as error:  # past SQLAlchemy, or while connecting
            raise StoreError(self._explain(error)) from error
        except PoolTimeoutError as error:
            raise StoreError("all connections to the database are in use") from error

    def _explain(self, error: BaseException | None) -> str:
        address = self.url.render_as_string(hide_password=False)
        reason = hide_secrets(self._backend.explain(error), address)
        return f"the database cannot be used: {reason}"


def _backend_class(url: URL) -> "type[SqliteFile] | type[PostgresqlServer]":
    if url.get_backend_name() == "sqlite":
        return SqliteFile
    # The driver takes a tenth of a second to import, and SQLite needs none.
    from survey.store.postgresql import PostgresqlServer

    return PostgresqlServer
