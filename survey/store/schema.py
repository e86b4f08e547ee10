"""Which schema a database has, and which one this release was written for."""

from sqlalchemy import Column, MetaData, Table, Text, inspect, select

from survey.store.database import Database
from survey.store.errors import StoreError

# The newest of `migrations/versions`.
REVISION = "0006"

# Alembic's own table. Alembic itself takes longer to import than all else that a command needs.
_VERSION = Table("alembic_version", MetaData(), Column("version_num", Text))


def find_revision(database: Database) -> str | None:
    """The schema that a database has; None where it has none of ours."""
    with database.reading() as connection:
        if not inspect(connection).has_table(_VERSION.name):
            return None
        return connection.scalar(select(_VERSION.c.version_num))


def schema_is_current(database: Database) -> bool:
    """Whether the schema is the one that this release was written for."""
    return find_revision(database) == REVISION


def require_current_schema(database: Database) -> None:
    """Raise StoreError where the schema is not the one that this release was written for."""
    if not schema_is_current(database):
        raise StoreError("the schema of the database is not current: run `csat db upgrade` first")
