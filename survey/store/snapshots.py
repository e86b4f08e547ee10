"""Copies of an SQLite store, and what is checked of them.

Whoever reads in WAL mode sees one state of the data and keeps no writer waiting. So one reading
transaction around all steps makes the copy consistent: without it, SQLite would begin the copy anew
whenever somebody has written.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, func, inspect, select, table, text

from survey.ledger_chain import explain_broken_chain
from survey.store.database import Database
from survey.store.errors import StoreError
from survey.store.models import AnswerRow
from survey.store.schema import read_schema

# 4 MB: some hundred steps a second, between which a stop by Ctrl-C is noticed.
_PAGES_AT_ONCE = 1024
MEGABYTE = 1_000_000

_NEWEST_ANSWER = (
    select(AnswerRow.id, AnswerRow.uuid, AnswerRow.answered_at)
    .order_by(AnswerRow.id.desc())
    .limit(1)
)
# All columns, also those that only a newer release knows of: the hash of an entry is over all.
_LEDGER = text("SELECT * FROM ledger_entries ORDER BY sequence")


@dataclass(frozen=True)
class NewestAnswer:
    """The answer that was stored last."""

    id: int
    uuid: str
    answered_at: datetime


@dataclass(frozen=True)
class StoreState:
    """What a store holds: its schema, the number of rows of each table, and the newest answer."""

    revision: str
    rows: Mapping[str, int]
    newest_answer: NewestAnswer | None

    def count(self, name: str) -> int:
        """Return the number of rows of a table; an older schema may not have it."""
        return self.rows.get(name, 0)


@contextmanager
def opened_file(path: Path) -> Iterator[Database]:
    """Open a store by its file; all connections are closed at the end."""
    with closing(Database(URL.create("sqlite", database=str(path)))) as database:
        yield database


def read_state(connection: Connection) -> StoreState:
    """Return what a store holds. Raise StoreError if it is none of ours, or if its donation ledger
    was changed."""
    revision = read_schema(connection).revision
    if revision is None:
        raise StoreError("it holds no answers: it is no database of csat")
    names = sorted(inspect(connection).get_table_names())
    # A schema of the first releases has no ledger.
    if "ledger_entries" in names:
        _check_ledger(connection)
    rows = {
        name: connection.scalar(select(func.count()).select_from(table(name))) or 0
        for name in names
    }
    newest = connection.execute(_NEWEST_ANSWER).first()
    return StoreState(revision, rows, NewestAnswer(*newest) if newest else None)


def copy_store(
    database: Database, target: Path, on_progress: Callable[[int], None] = lambda _: None
) -> StoreState:
    """Copy an SQLite store into a new file while others use it; return what it holds.

    `on_progress` is told how many megabytes are copied. Raise StoreError.
    """
    with database.reading() as connection:
        state = read_state(connection)
        page_size = connection.exec_driver_sql("PRAGMA page_size").scalar_one()

        def tell(_status: int, remaining: int, total: int) -> None:
            on_progress((total - remaining) * page_size // MEGABYTE)

        source: Any = connection.connection.driver_connection
        try:
            with closing(sqlite3.connect(target)) as copy:
                source.backup(copy, pages=_PAGES_AT_ONCE, progress=tell)
        except sqlite3.Error as error:
            raise StoreError(f"{target} cannot be written: {error}") from error
    return state


def check_store(path: Path) -> StoreState:
    """Check the file of a store: every page, every index, every reference, and the chain of its
    donation ledger; return what it holds. Raise StoreError."""
    with opened_file(path) as database, database.reading() as connection:
        found = connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar_one()
        if found != "ok":
            raise StoreError(f"it is damaged: {_show(found)}")
        if connection.exec_driver_sql("PRAGMA foreign_key_check").first() is not None:
            raise StoreError("it is damaged: an event has lost its answer")
        return read_state(connection)


def is_older_state_of(state: StoreState, connection: Connection) -> bool:
    """Return whether a store was in this state once: answers are only added, so the one that was
    the newest then is there still."""
    newest = state.newest_answer
    if newest is None:
        return True
    return connection.scalar(select(AnswerRow.uuid).where(AnswerRow.id == newest.id)) == newest.uuid


def megabytes_of(path: Path) -> int:
    """Return the size of a file in megabytes."""
    return path.stat().st_size // MEGABYTE


def _check_ledger(connection: Connection) -> None:
    rows = [dict(row) for row in connection.execute(_LEDGER).mappings()]
    difference = explain_broken_chain(rows)
    if difference is not None:
        raise StoreError(
            f"its donation ledger does not verify: {_show(difference)}. `csat donations verify` "
            "says more."
        )


def _show(words: str) -> str:
    """Return words of a damaged file without what a terminal would obey."""
    return "".join(each if each.isprintable() else "?" for each in words)
