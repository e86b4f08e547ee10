"""Finds the schema of a database, and compares it with the schema of this release."""

from sqlalchemy import Column, MetaData, Table, Text, inspect, select

from survey.store.database import Database
from survey.store.errors import StoreError

# The newest of `migrations/versions`.
REVISION = "0012"

# Alembic's own table. It is read here without Alembic, which takes longer to import than everything
# else that a command needs.
_VERSION = Table("alembic_version", MetaData(), Column("version_num", Text))


def find_revision(database: Database) -> str | None:
    """Return the schema revision of a database; None if the database has no schema of ours."""
    with database.reading() as connection:
        if not inspect(connection).has_table(_VERSION.name):
            return None
        return connection.scalar(select(_VERSION.c.version_num))


def schema_is_current(database: Database) -> bool:
    """Return whether the schema is the one that this release was written for."""
    return find_revision(database) == REVISION


def require_current_schema(database: Database) -> None:
    """Raise StoreError if the schema is not the one that this release was written for."""
    found = find_revision(database)
    if found is not None and found > REVISION:
        raise newer_schema(found)
    if found != REVISION:
        raise StoreError("the schema of the database is not current: run `csat db upgrade` first")


def newer_schema(found: str) -> StoreError:
    """Return the error for a database that a newer release has upgraded."""
    return StoreError(
        f"the database has schema {found}, this release knows up to {REVISION}. "
        "It was upgraded by a newer release: install that one; `csat db upgrade` goes no way back."
    )


def open_store(url: str, deadline: float | None = None) -> Database:
    """Return the database for a command that neither creates nor upgrades it. Raises StoreError if
    it has another schema. If it does not exist, the first read raises the error."""
    database = Database(url, deadline)
    if database.exists:
        require_current_schema(database)
    return database
