"""Bringing the schema up to date."""

from pathlib import Path

from survey.store.database import Database
from survey.store.schema import REVISION, newer_schema, schema_is_current

_MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(database: Database) -> None:
    """Create what is missing and migrate what is old; doing it again changes nothing.

    Several at the same time wait for each other. Raises StoreError if the database cannot be
    written or was made by a newer release.
    """
    database.keep_private()
    if not (database.exists and schema_is_current(database)):
        _migrate(database)


def _migrate(database: Database) -> None:
    # Imported here: it takes longer than the rest of a start, and is rarely needed.
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
