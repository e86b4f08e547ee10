"""`csat db`: the schema."""

import click

from survey.settings import load_settings
from survey.store.database import Database
from survey.store.migrate import upgrade


@click.group()
def db() -> None:
    """The database and its schema."""


@db.command("upgrade")
def upgrade_command() -> None:
    """Create the database, or bring it to the schema of this release; nothing is lost."""
    database = Database(load_settings().database_url)
    upgrade(database)
    click.echo("The schema is current.")
