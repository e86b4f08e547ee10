"""Writes a month's report into a folder, from any source."""

from datetime import datetime
from pathlib import Path

from pipeline.donations.ledger import Ledger
from pipeline.metrics import trend_periods
from pipeline.output_files import write_files
from pipeline.query import ReportQuery
from pipeline.report import ReportNumbers, number_report
from pipeline.sources.base import OnProgress, Source, trust_is_believed
from pipeline.sources.store_waits import read_waits
from pipeline.targets import TargetNumbers, number_targets
from reports.charts.style import start_drawing
from reports.loading import list_trend_marks
from reports.monthly_files import SOMETIMES, render_files
from survey.months import Month
from survey.periods import Period
from survey.settings import Settings
from survey.store.database import Database
from survey.store.ledger import read_entries
from survey.store.marks import Mark


def write_report(
    folder: Path,
    month: Month,
    settings: Settings,
    database: Database,
    source: Source,
    as_of: datetime,
    on_progress: OnProgress,
) -> ReportNumbers:
    """Write the files of a month, all or none; return their numbers.

    `database` has what no source of events knows: the ledger, marks and tickets.
    """
    query = ReportQuery(Period.of_month(month))
    # The oldest month of the trend is compared with the one before it.
    since = trend_periods(query.period)[0].shift(-1).first
    start_drawing()
    counted = source.count_month(month, Month(since.year, since.month), on_progress)
    numbers = number_report(
        counted,
        query,
        settings,
        source=source.description,
        trust_is_believed=trust_is_believed(source, settings),
        ledger=_read_ledger(database) if source.is_store else None,
        as_of=as_of,
        marks=_read_marks(database, query),
        targets=_number_targets(database, settings, query, as_of, with_responses=source.is_store),
    )
    write_files(folder, render_files(numbers, settings), replacing=SOMETIMES)
    return numbers


def _read_ledger(database: Database) -> Ledger:
    with database.reading() as connection:
        return Ledger(read_entries(connection))


def _number_targets(
    database: Database,
    settings: Settings,
    query: ReportQuery,
    as_of: datetime,
    *,
    with_responses: bool,
) -> TargetNumbers | None:
    """Return the numbers of response targets, whichever the source of the answers, if the store
    knows tickets. Only its own responses are compared by them."""
    if not database.exists:
        return None
    with database.reading() as connection:
        waits = read_waits(connection, query, settings, with_responses=with_responses)
    if waits is None:
        return None
    return number_targets(waits, settings.targets, settings.timezone, as_of)


def _read_marks(database: Database, query: ReportQuery) -> list[Mark]:
    """Return the marks of the store, if there is one; export files are reported on without."""
    if not database.exists:
        return []
    with database.reading() as connection:
        return list_trend_marks(connection, query)
