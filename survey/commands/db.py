"""`csat db`: the schema."""

import click

from survey.commands.deriving import derive_if_outdated
from survey.counting_rules import CountingRules
from survey.settings import load_settings
from survey.store.database import Database
from survey.store.migrate import upgrade


@click.group()
def db() -> None:
    """The database and its schema."""


@db.command("upgrade")
def upgrade_command() -> None:
    """Create the database, or bring it to the schema of this release; nothing is lost."""
    settings = load_settings()
    database = Database(settings.database_url)
    upgrade(database)
    derive_if_outdated(database, CountingRules.of(settings))
    click.echo("The schema is current.")
