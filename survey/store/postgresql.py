"""PostgreSQL: any number of processes, which lock no more than the tickets they write."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any

import psycopg
from sqlalchemy import URL, Connection, Engine, bindparam, create_engine, event, func, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import BigInteger

from survey.store.watch import Watch

# A server that does not answer is found out in this time; a customer waits for it.
CONNECT_TIMEOUT_SECONDS = 2
# A connection whose other end is silent for so long is dead.
SILENCE_MILLISECONDS = 10_000
# Transactions here take milliseconds. Who holds a lock for longer, hangs.
LOCK_TIMEOUT_SECONDS = 10.0

_UPGRADE_KEY = int.from_bytes(b"csat-upg")
_IMPORT_KEY = int.from_bytes(b"csat-imp")
_TICKET_KEYS = select(
    func.unnest(bindparam("keys", type_=ARRAY(BigInteger))).label("key")
).subquery()
# In the order of their keys, so that two transactions never wait for each other.
_LOCK_TICKETS = select(
    func.pg_advisory_xact_lock(select(_TICKET_KEYS.c.key).order_by("key").subquery().c.key)
)
# The planner goes by statistics, which for a queue are always out of date: taken while it was
# empty, they make it sort a whole backlog for each batch. These leave it the index alone.
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
        # Once a lock has been waited for, the next statement must see what its holder committed.
        self.writing_engine: Engine = self.engine.execution_options(
            isolation_level="READ COMMITTED"
        )
        # Not marked as read only: taking the mark back would let the connection's next transaction
        # write, also where the server is set to let nobody write.
        self.reading_engine: Engine = self.engine.execution_options(
            isolation_level="REPEATABLE READ"
        )

    def check(self) -> None:
        """The server says by itself what it lacks."""

    @contextmanager
    def use(self) -> Iterator[Callable[[Connection], None]]:
        """Around the use of a connection, which is handed to what this gives; raises StoreError
        where it takes longer than the deadline."""
        if self._watch is None:
            yield lambda _: None
            return
        with self._watch.use() as use:

            def watch(connection: Connection) -> None:
                use.descriptor = _descriptor(connection.connection.driver_connection)

            yield watch

    @contextmanager
    def turn(self) -> Iterator[None]:
        """PostgreSQL has many writers, and commits them together by itself."""
        yield

    def prepare(self) -> None:
        """The database is made by who runs the server."""

    def keep_private(self) -> None:
        """Do nothing: whoever runs the server decides who reads its files."""

    def ask(self, compiled: SQLCompiler, parameters: dict[str, object]) -> Any:
        """Return the first value of the first row, or None; without a transaction around it."""
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
                # The server may have gone, and with it every connection that is open.
                connection.invalidate()
                self.engine.dispose()
                raise
            connection.close()
        return None if row is None else row[0]

    def lock_upgrade(self, connection: Connection) -> None:
        """Let one upgrade happen after the other, until the transaction ends."""
        connection.execute(select(func.pg_advisory_xact_lock(_UPGRADE_KEY)))

    def lock_tickets(self, connection: Connection, ticket_ids: Sequence[str]) -> None:
        """Keep everybody else from adding an answer to these tickets until the transaction ends."""
        connection.execute(_LOCK_TICKETS, {"keys": [_ticket_key(name) for name in ticket_ids]})

    def lock_imports(self, connection: Connection) -> None:
        """Let one import write after the other, until the transaction ends."""
        connection.execute(select(func.pg_advisory_xact_lock(_IMPORT_KEY)))

    def prepare_claim(self, connection: Connection) -> None:
        """Until the transaction ends, read rows in the order of an index, and do not wait for the
        disk at its end: a claim that is lost leaves its rows to be claimed again."""
        connection.execute(_PREPARE_CLAIM)

    def explain(self, error: BaseException | None) -> str:
        """PostgreSQL's message in one line, without its detail, which shows values."""
        primary = error.diag.message_primary if isinstance(error, psycopg.Error) else None
        return primary or " ".join(str(error).split())


def _prepare_connection(lock_timeout: float, connection: "psycopg.Connection[Any]") -> None:
    connection.autocommit = True
    # A server may be set to acknowledge what is not on its disk yet; ours is acknowledged for good.
    connection.execute("SET synchronous_commit = on")
    connection.execute(f"SET lock_timeout = {round(lock_timeout * 1000)}")
    connection.autocommit = False


def _descriptor(connection: Any) -> int:
    """Return the file of a connection to the server."""
    return int(connection.pgconn.socket)


def _ticket_key(ticket_id: str) -> int:
    """Return the number that stands for a ticket among the server's locks; two tickets that share
    one only wait for each other."""
    digest = hashlib.blake2b(ticket_id.encode(), digest_size=8, person=b"csat-ticket")
    return int.from_bytes(digest.digest(), signed=True)
