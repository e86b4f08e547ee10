"""Options that several commands share, and the source that they name."""

from collections.abc import Callable
from pathlib import Path

import click

from pipeline.sources.base import CACHE_FOLDER, BadSource, Source
from pipeline.sources.opening import open_dask_source, open_source
from survey.counting_rules import CountingRules
from survey.months import Month
from survey.settings import Settings, load_settings
from survey.store.database import Database
from survey.store.schema import open_store
from survey.store.voids import void_tickets

# A report looks back over more than a year.
_EARLIEST = Month(1000, 1)


def read_month(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> Month | None:
    """Return the month that an option names, None without one; anything else is bad usage."""
    if value is None:
        return None
    try:
        month = Month.parse(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None
    if month < _EARLIEST:
        raise click.BadParameter(f"{month} is too long ago; reports begin with {_EARLIEST}")
    return month


month_option = click.option(
    "--month",
    required=True,
    metavar="YYYY-MM",
    callback=read_month,
    help="A calendar month in CSAT_TIMEZONE.",
)
source_option = click.option(
    "--source",
    "source_name",
    default="database",
    show_default=True,
    metavar="SOURCE",
    help="database; export:PATH for what PostHog exported: a file (.parquet, .jsonl), a folder, "
    "a pattern, or an address like s3://bucket/folder; or posthog, which asks PostHog itself.",
)


cache_option = click.option(
    "--cache",
    type=click.Path(file_okay=False, path_type=Path),
    default=CACHE_FOLDER,
    show_default=True,
    help="Where what was read of export files is kept for the next time; safe to delete.",
)
no_cache_option = click.option(
    "--no-cache", is_flag=True, help="Read every export file anew, and keep nothing."
)


engine_option = click.option(
    "--engine",
    type=click.Choice(["local", "dask"]),
    default="local",
    show_default=True,
    help="Where export files are counted: in this process, or by Dask's workers, for more than "
    "fits into the memory of one machine (docs/scale.md).",
)
scheduler_option = click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Dask's scheduler, like tcp://10.0.0.5:8786. Without it, Dask runs on this machine.",
)


def counting_options(command: Callable[..., None]) -> Callable[..., None]:
    """Return the options that say what is counted, and how."""
    for option in (scheduler_option, engine_option, no_cache_option, cache_option, source_option):
        command = option(command)
    return command


def open_named_source(
    name: str,
    cache: Path,
    no_cache: bool = False,
    engine: str = "local",
    scheduler: str | None = None,
) -> tuple[Settings, Source]:
    """Return the settings, and the source that `--source` names; a wrong name is bad usage."""
    if scheduler is not None and engine != "dask":
        raise click.BadParameter("only --engine dask has a scheduler", param_hint="--scheduler")
    settings = load_settings()
    database = open_store(settings.database_url)
    try:
        if engine == "dask":
            source = open_dask_source(
                name, settings, read_rules(settings, database), database, scheduler
            )
        else:
            source = open_local_source(name, settings, database, None if no_cache else cache)
    except BadSource as error:
        raise click.BadParameter(str(error), param_hint="--source") from None
    return settings, source


def open_local_source(
    name: str, settings: Settings, database: Database, cache: Path | None
) -> Source:
    """Return the source of a name, counted in this process by all that the store decides for any
    source. Raise BadSource."""
    return open_source(name, settings, read_rules(settings, database), database, cache)


def read_rules(settings: Settings, database: Database) -> CountingRules:
    """Return the rules for any source: tickets that the configured store holds void count
    nowhere."""
    voids: frozenset[str] = frozenset()
    if database.exists:
        with database.reading() as connection:
            voids = void_tickets(connection)
    return CountingRules.of(settings, voids)
