"""Several connections that read one and the same state of the store at the same time."""

from collections.abc import Callable, Hashable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import date
from queue import SimpleQueue
from typing import TypeVar

from sqlalchemy import Connection

from survey.store.changes import day_versions
from survey.store.database import Database
from survey.store.ledger import read_head
from survey.store.responses import applied_rules

Item = TypeVar("Item")
Result = TypeVar("Result")

# How often transactions begin anew because something was written between two of them.
_ATTEMPTS = 20


class Readers:
    """Connections in whose transactions the same is read."""

    def __init__(self, connections: list[Connection]) -> None:
        self._connections = connections

    @property
    def connection(self) -> Connection:
        """One of the connections."""
        return self._connections[0]

    def map(
        self, function: Callable[[Connection, Item], Result], items: Iterable[Item]
    ) -> Iterator[Result]:
        """Yield what the function returns for each item, in their order. The database works for as
        many items at a time as there are connections. After an error no further item begins."""
        if len(self._connections) == 1:
            yield from (function(self.connection, item) for item in items)
            return
        free: SimpleQueue[Connection] = SimpleQueue()
        for each in self._connections:
            free.put(each)

        def call(item: Item) -> Result:
            connection = free.get()
            try:
                return function(connection, item)
            finally:
                free.put(connection)

        # Threads are enough: most of the time they wait for the database, which is SQLite's own
        # work, too.
        with ThreadPoolExecutor(len(self._connections)) as pool:
            yield from pool.map(call, items)


@contextmanager
def open_readers(database: Database, how_many: int) -> Iterator[Readers]:
    """Open so many transactions that see one state of the store; only one where others write all
    the time. Raise StoreError."""
    for _ in range(_ATTEMPTS):
        with ExitStack() as stack:
            connections = [stack.enter_context(database.reading()) for _ in range(how_many)]
            if len({_find_state(each) for each in connections}) == 1:
                yield Readers(connections)
                return
    with database.reading() as connection:
        yield Readers([connection])


def _find_state(connection: Connection) -> Hashable:
    """Return what changes with every change of responses or of the ledger."""
    versions = day_versions(connection, date.min, date.max)
    return read_head(connection), applied_rules(connection), sum(versions.values())
