"""`csat retention`: forget what is too old."""

from collections.abc import Iterator

import click

from survey.clock import now
from survey.command_line import Parts
from survey.commands.deriving import derive_if_outdated
from survey.commands.erasing import clean_store, report, show_counts
from survey.counting_rules import CountingRules
from survey.durations import format_duration
from survey.erasing.files import erase_files
from survey.erasing.retention import count_old, forget, require_retention
from survey.progress import show_progress
from survey.settings import load_settings
from survey.store.schema import open_store


@click.command()
@click.option("--dry-run", is_flag=True, help="Only show how much would be forgotten.")
@click.pass_obj
def retention(parts: Parts, dry_run: bool) -> None:
    """Forget identities and comments of all that is older than CSAT_RETENTION. This cannot be
    undone, also not by a longer CSAT_RETENTION.

    Ratings, teams, months and hedgehogs stay; no number changes. `csat tick` does the same once a
    day by itself.
    """
    settings = load_settings()
    database = open_store(settings.database_url)
    age = require_retention(settings)
    if dry_run:
        show_counts(count_old(database, settings, now()), "would be forgotten")
        return
    derive_if_outdated(database, CountingRules.of(settings))
    with show_progress("Forgetting", "rows") as on_progress:
        forgotten = forget(database, settings, now(), on_progress)
    show_counts(forgotten.counts, "forgotten")

    def finish() -> Iterator[str]:
        yield from clean_store(database)
        yield from erase_files(parts.erasers, database, settings)

    report(finish())
    click.echo(f"Nothing older than {format_duration(age)} has an identity or a comment here.")
