"""Finds the schema of a database, and compares it with the schema of this release.

A newer release may upgrade the database while processes of this one still run. They go on if the
newer schema supports theirs: it says so itself (`schema_support`).
"""

from typing import NamedTuple

from sqlalchemy import Column, Connection, MetaData, Table, Text, inspect, select

from survey.store.database import Database
from survey.store.errors import StoreError
from survey.store.models import SchemaSupportRow

# The newest of `migrations/versions`.
REVISION = "0013"

# Alembic's own table. It is read here without Alembic, which takes longer to import than everything
# else that a command needs.
_VERSION = Table("alembic_version", MetaData(), Column("version_num", Text))
_OLDEST = select(SchemaSupportRow.oldest)


class Schema(NamedTuple):
    """The schema of a database: its revision, None if the database has no schema of ours, and the
    oldest schema whose release works on it."""

    revision: str | None
    oldest: str | None

    @property
    def is_supported(self) -> bool:
        """Whether this release works on it: it is the release's own, or newer and supports it."""
        if self.revision is None or self.oldest is None:
            return False
        return self.oldest <= REVISION <= self.revision

    @property
    def is_newer(self) -> bool:
        """Whether a newer release has upgraded the database, and this one does not work on it."""
        return self.revision is not None and self.revision > REVISION and not self.is_supported


def find_schema(database: Database) -> Schema:
    """Return the schema of a database."""
    with database.reading() as connection:
        return read_schema(connection)


def read_schema(connection: Connection) -> Schema:
    """Return the schema of the database of a connection."""
    if not inspect(connection).has_table(_VERSION.name):
        return Schema(None, None)
    revision = connection.scalar(select(_VERSION.c.version_num))
    # An older schema may not have the table of what it supports.
    is_older = revision is None or revision < REVISION
    return Schema(revision, revision if is_older else connection.scalar(_OLDEST))


def schema_is_supported(database: Database) -> bool:
    """Return whether this release works on the schema of a database."""
    return find_schema(database).is_supported


def require_supported_schema(database: Database) -> None:
    """Raise StoreError if this release does not work on the schema of a database."""
    found = find_schema(database)
    if found.is_newer:
        raise newer_schema(found)
    if not found.is_supported:
        raise StoreError("the schema of the database is not current: run `csat db upgrade` first")


def newer_schema(found: Schema) -> StoreError:
    """Return the error for a database that a newer release has upgraded."""
    return StoreError(
        f"the database has schema {found.revision}, this release knows up to {REVISION}. "
        "It was upgraded by a newer release: install that one; `csat db upgrade` goes no way back."
    )


def open_store(url: str, deadline: float | None = None) -> Database:
    """Return the database for a command that neither creates nor upgrades it. Raises StoreError if
    this release does not work on its schema. If it does not exist, the first read raises the
    error."""
    database = Database(url, deadline)
    if database.exists:
        require_supported_schema(database)
    return database
