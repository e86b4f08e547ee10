"""Upgrades the schema of a database to that of this release."""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import update

from survey.store.database import Database
from survey.store.models import SchemaSupportRow
from survey.store.schema import newer_schema, read_schema, schema_is_supported

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory

_MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(database: Database) -> None:
    """Create or upgrade the schema; a second call changes nothing, nor does it where a newer
    release has upgraded the database and this one still works on it.

    Simultaneous upgrades wait for each other. Raises StoreError if the database cannot be written,
    or has a schema on which this release does not work any more.
    """
    database.keep_private()
    if database.exists and schema_is_supported(database):
        database.keep_journal()
    else:
        _migrate(database)


def _migrate(database: Database) -> None:
    # Alembic is imported here: this takes longer than the rest of a start, and is rarely needed.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    with database.upgrading() as connection:
        # Another process may have upgraded it meanwhile.
        found = read_schema(connection)
        if found.is_newer:
            raise newer_schema(found)
        if found.is_supported:
            return
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        oldest = find_oldest_supported(ScriptDirectory.from_config(config))
        connection.execute(update(SchemaSupportRow).values(oldest=oldest))


def find_oldest_supported(migrations: "ScriptDirectory") -> str:
    """Return the oldest schema whose release works on the schema that all migrations make.

    A migration names it as `oldest`. Without that, no release older than its own does.
    """
    return max(
        getattr(migration.module, "oldest", migration.revision)
        for migration in migrations.walk_revisions()
    )
