"""The PostgreSQL database. Any number of processes use it, and lock only tickets they write."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any

import psycopg
from sqlalchemy import (
    URL,
    Connection,
    Engine,
    bindparam,
    create_engine,
    event,
    func,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import BigInteger

from survey.store.watch import Watch

# The connection attempt fails after this time if the server does not answer; a customer waits.
CONNECT_TIMEOUT_SECONDS = 2
# A connection is dead if the other end is silent for this long.
SILENCE_MILLISECONDS = 10_000
# Transactions here take milliseconds. A process that holds a lock for longer than this hangs.
LOCK_TIMEOUT_SECONDS = 10.0

_UPGRADE_KEY = int.from_bytes(b"csat-upg")
_IMPORT_KEY = int.from_bytes(b"csat-imp")
_LEDGER_KEY = int.from_bytes(b"csat-led")
_INVITATIONS_KEY = int.from_bytes(b"csat-inv")
_TICKET_KEYS = select(
    func.unnest(bindparam("keys", type_=ARRAY(BigInteger))).label("key")
).subquery()
# The locks are taken in the order of their keys, so that two transactions never wait for each
# other.
_LOCK_TICKETS = select(
    func.pg_advisory_xact_lock(select(_TICKET_KEYS.c.key).order_by("key").subquery().c.key)
)
# PostgreSQL plans by statistics, which for a queue are always out of date. If they were taken while
# the queue was empty, it sorts the whole backlog for each batch. With these settings it can only
# use the index.
_PREPARE_CLAIM = select(
    *(
        func.set_config(name, "off", True)
        for name in (
            "enable_bitmapscan",
            "enable_seqscan",
            "enable_sort",
            "jit",
            "synchronous_commit",
        )
    )
)


class PostgresqlServer:
    """The database on a PostgreSQL server."""

    path = None

    driver_error = psycopg.Error

    def __init__(self, url: URL, deadline: float | None, **options: Any) -> None:
        self._watch = Watch(deadline) if deadline is not None else None
        self.engine = create_engine(
            url,
            connect_args={
                "connect_timeout": CONNECT_TIMEOUT_SECONDS,
                "tcp_user_timeout": SILENCE_MILLISECONDS,
                "application_name": "csat",
            },
            **options,
        )
        lock_timeout = min(deadline or LOCK_TIMEOUT_SECONDS, LOCK_TIMEOUT_SECONDS)
        prepare_connection = partial(_prepare_connection, lock_timeout)
        event.listen(self.engine, "connect", lambda connection, _: prepare_connection(connection))
        # After the wait for a lock, the next statement must see what the lock's holder committed.
        self.writing_engine: Engine = self.engine.execution_options(
            isolation_level="READ COMMITTED"
        )
        # Transactions are not marked as read only. Removing the mark would let the connection's
        # next transaction write, even if the server is set to refuse all writes.
        self.reading_engine: Engine = self.engine.execution_options(
            isolation_level="REPEATABLE READ"
        )

    def check(self) -> None:
        """Do nothing: the server itself reports what is wrong."""

    @contextmanager
    def use(self) -> Iterator[Callable[[Connection], None]]:
        """Limit the use of a connection to the deadline. Yield a function that must be called with
        the connection. Raises StoreError if the use takes longer than the deadline."""
        if self._watch is None:
            yield lambda _: None
            return
        with self._watch.use() as use:

            def watch(connection: Connection) -> None:
                use.descriptor = _descriptor(connection.connection.driver_connection)

            yield watch

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Do nothing: PostgreSQL allows many writers, and groups their commits itself."""
        yield

    def prepare(self) -> None:
        """Do nothing: the operator of the server creates the database."""

    def needs_rebuild(self) -> bool:
        """Return False: the server's files are its operator's."""
        return False

    def rebuild(self) -> None:
        """Do nothing: the server's files are its operator's."""

    def clean(self, tables: Sequence[str]) -> None:
        """Remove the earlier versions of rows that were changed or deleted from these tables, as
        far as nobody is reading them."""
        engine = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            for table in tables:
                connection.execute(text(f"VACUUM {table}"))

    def keep_journal(self) -> None:
        """Do nothing: the server has its own log."""

    def keep_private(self) -> None:
        """Do nothing: the operator of the server decides who reads its files."""

    def ask(self, compiled: SQLCompiler, parameters: dict[str, object]) -> Any:
        """Return the first value of the first row, or None. Open no transaction."""
        with self._watch.use() if self._watch else nullcontext() as use:
            connection = self.engine.raw_connection()
            driver: Any = connection.driver_connection
            if use is not None:
                use.descriptor = _descriptor(driver)
            try:
                driver.autocommit = True
                row = driver.execute(compiled.string, parameters).fetchone()
                driver.autocommit = False
            except psycopg.Error:
                # The server may have stopped; then every open connection is lost.
                connection.invalidate()
                self.engine.dispose()
                raise
            connection.close()
        return None if row is None else row[0]

    def lock_upgrade(self, connection: Connection) -> None:
        """Keep every other upgrade waiting until the transaction ends."""
        connection.execute(select(func.pg_advisory_xact_lock(_UPGRADE_KEY)))

    def lock_tickets(self, connection: Connection, ticket_ids: Sequence[str]) -> None:
        """Keep all others from adding an answer to these tickets until the transaction ends."""
        connection.execute(_LOCK_TICKETS, {"keys": [_ticket_key(name) for name in ticket_ids]})

    def lock_imports(self, connection: Connection) -> None:
        """Keep every other import from writing until the transaction ends."""
        connection.execute(select(func.pg_advisory_xact_lock(_IMPORT_KEY)))

    def lock_ledger(self, connection: Connection) -> None:
        """Keep all others from adding to the donation ledger until the transaction ends."""
        connection.execute(select(func.pg_advisory_xact_lock(_LEDGER_KEY)))

    def lock_invitations(self, connection: Connection) -> None:
        """Keep all others from deciding who is asked until the transaction ends."""
        connection.execute(select(func.pg_advisory_xact_lock(_INVITATIONS_KEY)))

    def prepare_claim(self, connection: Connection) -> None:
        """Make the transaction read rows in the order of an index, and not wait for the disk when
        it commits: if a claim is lost, its rows can be claimed again."""
        connection.execute(_PREPARE_CLAIM)

    def explain(self, error: BaseException | None) -> str:
        """Return PostgreSQL's message in one line, without its detail, which shows values."""
        primary = error.diag.message_primary if isinstance(error, psycopg.Error) else None
        return primary or " ".join(str(error).split())


def _prepare_connection(lock_timeout: float, connection: "psycopg.Connection[Any]") -> None:
    connection.autocommit = True
    # A server may be set to confirm a commit before it is on the disk; this prevents that.
    connection.execute("SET synchronous_commit = on")
    connection.execute(f"SET lock_timeout = {round(lock_timeout * 1000)}")
    connection.autocommit = False


def _descriptor(connection: Any) -> int:
    """Return the file descriptor of a connection to the server."""
    return int(connection.pgconn.socket)


def _ticket_key(ticket_id: str) -> int:
    """Return the number of a ticket's lock on the server. If two tickets share a number, they only
    wait for each other."""
    digest = hashlib.blake2b(ticket_id.encode(), digest_size=8, person=b"csat-ticket")
    return int.from_bytes(digest.digest(), signed=True)
