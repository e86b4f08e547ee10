"""Upgrades the schema of a database to that of this release."""

from pathlib import Path

from survey.store.database import Database
from survey.store.schema import REVISION, newer_schema, schema_is_current

_MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(database: Database) -> None:
    """Create or upgrade the schema; a second call changes nothing.

    Simultaneous upgrades wait for each other. Raises StoreError if the database cannot be written
    or was upgraded by a newer release.
    """
    database.keep_private()
    if not (database.exists and schema_is_current(database)):
        _migrate(database)


def _migrate(database: Database) -> None:
    # Alembic is imported here: this takes longer than the rest of a start, and is rarely needed.
    from alembic import command
    from alembic.config import Config
    from alembic.migration import MigrationContext

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    with database.upgrading() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
        if found is not None and found > REVISION:
            raise newer_schema(found)
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
