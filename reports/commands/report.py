"""`csat report`: the monthly files."""

from pathlib import Path
from typing import Any

import click

from pipeline.commands.options import counting_options, month_option, open_named_source
from pipeline.commands.progress import show_progress
from pipeline.metrics import trend_periods
from pipeline.output_files import write_files
from pipeline.query import ReportQuery
from pipeline.report import number_report
from reports.charts.style import start_drawing
from reports.loading import list_trend_marks
from reports.monthly_files import DONATIONS_FILE, render_files
from survey.clock import now
from survey.months import Month
from survey.periods import Period
from survey.settings import Settings
from survey.store.marks import Mark
from survey.store.schema import open_store


@click.command()
@month_option
@click.option(
    "--out",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder to write the files into.",
)
@counting_options
def report(month: Month, out: Path, source_name: str, **how: Any) -> None:
    """The files of one month: report.html to read, and CSV files for spreadsheets.

    teams.csv, counts.csv, trend.csv, comments.csv, quality.csv, report.html, and from the
    database donations.csv. All are written, or none.
    """
    as_of = now()
    query = ReportQuery(Period.of_month(month))
    # The oldest month of the trend is compared with the one before it.
    since = trend_periods(query.period)[0].shift(-1).first
    settings, source = open_named_source(source_name, **how)
    start_drawing()
    with show_progress("Reading") as on_progress:
        counted = source.count_month(month, Month(since.year, since.month), on_progress)
    numbers = number_report(
        counted,
        query,
        settings,
        source=source.description,
        is_store=source.is_store,
        as_of=as_of,
        marks=_read_marks(settings, query),
    )
    write_files(out, render_files(numbers, settings), replacing=[DONATIONS_FILE])
    responses = numbers.teams["responses"].iloc[-1]
    click.echo(f"{out / 'report.html'}: {month}, {responses:,} responses")


def _read_marks(settings: Settings, query: ReportQuery) -> list[Mark]:
    """Return the marks of the store, if there is one; export files are reported on without."""
    database = open_store(settings.database_url)
    if not database.exists:
        return []
    with database.reading() as connection:
        return list_trend_marks(connection, query)
