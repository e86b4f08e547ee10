"""The database: one engine, with short reading and writing transactions."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Connection, Engine, Select, make_url
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.sql.compiler import SQLCompiler

from survey.addresses import hide_secrets
from survey.store.changes import begin_changes, save_changes
from survey.store.errors import RefusedData, StoreError
from survey.store.sqlite import SqliteFile

if TYPE_CHECKING:
    from survey.store.postgresql import PostgresqlServer

# The largest id that PostgreSQL gives to a row.
LARGEST_ID = 2**31 - 1
# Threads beyond this number wait for a connection: a query takes less time than to connect.
POOL_SIZE = 16
# The longest wait for a connection, for the turn to write, or for a lock.
LONGEST_WAIT_SECONDS = 10.0
# The longest wait while a customer waits; the customer may have to wait for two, one after another.
CUSTOMER_WAIT_SECONDS = 3.0


class Database:
    """The configured database. Creating the object opens no connection yet.

    With `deadline`, in seconds, nothing here takes longer, not even a transaction, whatever the
    database does. Without it, only waiting is limited.
    """

    def __init__(self, url: str | URL, deadline: float | None = None) -> None:
        self.url = make_url(url)
        self._backend: SqliteFile | PostgresqlServer = _backend_class(self.url)(
            self.url,
            deadline,
            pool_size=POOL_SIZE,
            max_overflow=0,
            pool_timeout=deadline or LONGEST_WAIT_SECONDS,
            # Errors are written to the logs, which must not contain what customers wrote.
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
        """Whether the database exists: an SQLite file is created at the first start."""
        return self.path is None or self.path.is_file()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Open a transaction that sees one state of the data. Raises StoreError if the database
        cannot be read."""
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

        This is for the one query that every opened link makes. It skips the layers that take longer
        than the query itself, and needs no transaction.
        """
        self._backend.check()
        if statement not in self._compiled:
            self._compiled[statement] = statement.compile(self.engine)
        with self._as_store_error():
            return self._backend.ask(self._compiled[statement], parameters)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Open a transaction that is durably committed at the end of the block, or not at all.

        Raises StoreError if it cannot be committed. On SQLite nobody else writes meanwhile; on
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
            begin_changes(connection)
            yield connection
            save_changes(connection)

    @contextmanager
    def upgrading(self) -> Iterator[Connection]:
        """Open a writing transaction that may change the schema. Upgrades run one at a time."""
        with self._as_store_error():
            self._backend.prepare()
        with self.writing() as connection:
            self._backend.lock_upgrade(connection)
            yield connection

    def keep_private(self) -> None:
        """Let only their owner read the files of the database."""
        self._backend.keep_private()

    def needs_rebuild(self) -> bool:
        """Return whether the files may hold what an earlier release deleted."""
        with self._as_store_error():
            return self._backend.needs_rebuild()

    def rebuild(self) -> None:
        """Write the files anew, without what was deleted. Nobody else can write meanwhile."""
        with self._as_store_error():
            self._backend.rebuild()

    def clean(self, tables: Sequence[str]) -> None:
        """Remove what was deleted or changed in these tables from the files, too. Raise StoreError
        if that fails."""
        with self._as_store_error():
            self._backend.clean(tables)

    def keep_journal(self) -> None:
        """Keep the mode in which readers and the writer do not wait for each other."""
        with self._as_store_error():
            self._backend.keep_journal()

    def lock_tickets(self, connection: Connection, ticket_ids: Sequence[str]) -> None:
        """Lock these tickets in a writing transaction, so that what is read of them from now on
        does not change."""
        self._backend.lock_tickets(connection, ticket_ids)

    def lock_imports(self, connection: Connection) -> None:
        """Lock the imported answers of all tickets in a writing transaction, so that they do not
        change."""
        self._backend.lock_imports(connection)

    def lock_ledger(self, connection: Connection) -> None:
        """Lock the donation ledger in a writing transaction, so that nobody else adds to it."""
        self._backend.lock_ledger(connection)

    def lock_invitations(self, connection: Connection) -> None:
        """Lock the decisions who is asked in a writing transaction, so that nobody else decides."""
        self._backend.lock_invitations(connection)

    @contextmanager
    def claiming(self) -> Iterator[Connection]:
        """Open a writing transaction that takes the first rows of a queue; its speed does not
        depend on the queue's length. All see what it writes, but a crash of the server may lose
        it."""
        with self.writing() as connection:
            self._backend.prepare_claim(connection)
            yield connection

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()

    @contextmanager
    def _as_store_error(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            kind = RefusedData if isinstance(error, DataError | IntegrityError) else StoreError
            raise kind(self._explain(error.orig)) from error
        except self._backend.driver_error as error:  # raised outside SQLAlchemy or while connecting
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
