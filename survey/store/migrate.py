"""Bringing the schema up to date, and telling whether it is."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from survey.store.database import Database
from survey.store.errors import StoreError

_MIGRATIONS = Path(__file__).parent / "migrations"


def upgrade(database: Database) -> None:
    """Create what is missing and migrate what is old; doing it again changes nothing.

    Several at the same time wait for each other. Raises StoreError if the database cannot be
    written or was made by a newer release.
    """
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    with database.upgrading() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
        known = {script.revision for script in ScriptDirectory(str(_MIGRATIONS)).walk_revisions()}
        if found is not None and found not in known:
            raise StoreError(
                f"the database has schema {found}, which this release does not know. "
                "It was upgraded by a newer release: install that one."
            )
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def schema_is_current(database: Database) -> bool:
    """Whether the schema is the one that this release was written for."""
    with database.reading() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    return found == ScriptDirectory(str(_MIGRATIONS)).get_current_head()


def require_current_schema(database: Database) -> None:
    """Raise StoreError where the schema is not the one that this release was written for."""
    if not schema_is_current(database):
        raise StoreError("the schema of the database is not current: run `csat db upgrade` first")
