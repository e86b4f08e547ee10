"""`csat aggregate`, and the options that several commands share."""

import io
from pathlib import Path

import click
import pandas as pd

from pipeline.files import format_csv, write_file
from pipeline.progress import show_progress
from pipeline.reading import count_all_months, decide_source
from pipeline.sources.source import BadSource, Source, open_source
from survey.months import Month
from survey.settings import Settings, load_settings
from survey.store.database import Database


def _month(_context: click.Context, _parameter: click.Parameter, value: str) -> Month:
    try:
        return Month.parse(value)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


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
    help="database, or export:PATH for a file that PostHog exported (.parquet, .jsonl).",
)


@click.command()
@source_option
@click.option(
    "--out",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file to write: .csv or .parquet.",
)
def aggregate(source_name: str, out: Path) -> None:
    """Counts per month, team and rating, for every month that has responses.

    The file has the columns month, team, rating, responses, only rows above 0. Everything in a
    report derives from these counts, and counts of different tickets add up.
    """
    if out.suffix not in (".csv", ".parquet"):
        raise click.BadParameter(f"{out} must end in .csv or .parquet", param_hint="--out")
    settings, _source, decided = read_source(source_name)
    counts = count_all_months(decided, settings.timezone)
    write_file(out, format_counts(counts, out.suffix))
    click.echo(f"{out}: {counts['responses'].sum():,} responses of {len(decided):,} answers")


def read_source(source_name: str) -> tuple[Settings, Source, pd.DataFrame]:
    """The settings, the source that `--source` names, and its decided answers (`schemas.DECIDED`).

    Shows how far it is; a wrong name is bad usage.
    """
    settings = load_settings()
    database = Database(settings.database_url)
    try:
        source = open_source(source_name, settings, database)
    except BadSource as error:
        raise click.BadParameter(str(error), param_hint="--source") from None
    with show_progress("Reading") as on_progress:
        return settings, source, decide_source(source, settings, database, on_progress)


def format_counts(counts: pd.DataFrame, suffix: str) -> bytes:
    """Counts as the content of a `.csv` or a `.parquet` file."""
    if suffix == ".csv":
        return format_csv(counts).encode("utf-8")
    buffer = io.BytesIO()
    counts.to_parquet(buffer, index=False)
    return buffer.getvalue()
