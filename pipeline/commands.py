"""`csat aggregate`, and the options that several commands share."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pandas as pd

from pipeline.files import format_csv, write_file
from pipeline.progress import show_progress
from pipeline.reading import read_rules
from pipeline.sources.opening import open_distributed_source, open_source
from pipeline.sources.source import BadSource, Source
from survey.months import Month
from survey.settings import Settings, load_settings
from survey.store.schema import open_store

# A report looks back over more than a year.
_EARLIEST = Month(1000, 1)


def _month(_context: click.Context, _parameter: click.Parameter, value: str) -> Month:
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
    callback=_month,
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
    default=Path("var/exports"),
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
    """The options that say what is counted, and how."""
    for option in (scheduler_option, engine_option, no_cache_option, cache_option, source_option):
        command = option(command)
    return command


@click.command()
@click.option(
    "--out",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write: .csv or .parquet.",
)
@counting_options
def aggregate(out: Path, source_name: str, **how: Any) -> None:
    """Counts per month, team and rating, for every month that has responses.

    The file has the columns month, team, rating, responses, only rows above 0. Everything in a
    report derives from these counts, and counts of different tickets add up.
    """
    if out.suffix not in (".csv", ".parquet"):
        raise click.BadParameter(f"{out} must end in .csv or .parquet", param_hint="--out")
    _settings, source = open_named_source(source_name, **how)
    with show_progress("Reading") as on_progress:
        totals = source.count_responses(on_progress)
    write_file(out, format_counts(totals.counts, out.suffix))
    responses = totals.counts["responses"].sum()
    click.echo(f"{out}: {responses:,} responses of {totals.received:,} answers")


def open_named_source(
    name: str,
    cache: Path,
    no_cache: bool = False,
    engine: str = "local",
    scheduler: str | None = None,
) -> tuple[Settings, Source]:
    """The settings, and the source that `--source` names; a wrong name is bad usage."""
    if scheduler is not None and engine != "dask":
        raise click.BadParameter("only --engine dask has a scheduler", param_hint="--scheduler")
    settings = load_settings()
    database = open_store(settings.database_url)
    rules = read_rules(settings, database)
    try:
        if engine == "dask":
            source = open_distributed_source(name, rules, scheduler)
        else:
            source = open_source(name, settings, rules, database, None if no_cache else cache)
    except BadSource as error:
        raise click.BadParameter(str(error), param_hint="--source") from None
    return settings, source


def format_counts(counts: pd.DataFrame, suffix: str) -> bytes:
    """Counts as the content of a `.csv` or a `.parquet` file."""
    if suffix == ".csv":
        return format_csv(counts).encode("utf-8")
    buffer = io.BytesIO()
    counts.to_parquet(buffer, index=False)
    return buffer.getvalue()
