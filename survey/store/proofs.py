"""What must outlive a restored backup: who was erased, who wants no more invitations, and where
reports were written.

A backup that is older than an erasure holds the person still. The proofs of the database that was
replaced say whom to erase again.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table, insert, inspect, select, update

from survey.store.database import Database
from survey.store.models import Base


class Proofs(NamedTuple):
    """The rows of a table that outlive a backup, and the column that says since when."""

    table: Table
    time: str
    rows: Sequence[dict[str, Any]]


# The tables that say what was erased.
OF_ERASURES = ("erasures", "redactions", "retention")
# All tables, each with the column that says since when.
_KEPT = {
    "erasures": "erased_at",
    "redactions": "redacted_at",
    "retention": "forgotten_before",
    "unsubscribed": "unsubscribed_at",
    # Where words may lie in files: a later erasure must find them.
    "report_folders": "written_at",
}


def read_proofs(database: Database) -> list[Proofs]:
    """Return what a store knows of erasures and of customers who unsubscribed; an older schema may
    know less. Raise StoreError."""
    with database.reading() as connection:
        known = set(inspect(connection).get_table_names())
        return [
            _read(connection, Base.metadata.tables[name], time)
            for name, time in _KEPT.items()
            if name in known
        ]


def add_proofs(database: Database, proofs: Sequence[Proofs]) -> int:
    """Add what is not known in a store, or is known there with an earlier time; return how many
    rows were added or changed. Raise StoreError."""
    changed = 0
    with database.writing() as connection:
        for each in proofs:
            changed += _add(connection, each)
    return changed


def _read(connection: Connection, table: Table, time: str) -> Proofs:
    rows = connection.execute(select(table)).mappings()
    return Proofs(table, time, [dict(row) for row in rows])


def _add(connection: Connection, proofs: Proofs) -> int:
    table = proofs.table
    (key,) = table.primary_key.columns
    known: dict[str, datetime] = {
        row[0]: row[1] for row in connection.execute(select(key, table.c[proofs.time]))
    }
    new = [row for row in proofs.rows if row[key.name] not in known]
    later = [
        row
        for row in proofs.rows
        if row[key.name] in known and row[proofs.time] > known[row[key.name]]
    ]
    if new:
        connection.execute(insert(table), new)
    for row in later:
        connection.execute(update(table).where(key == row[key.name]).values(row))
    return len(new) + len(later)
