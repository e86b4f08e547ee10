"""`csat report`: the monthly files, and the report by mail."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from pipeline.commands.options import counting_options, month_option, open_named_source
from pipeline.donations.ledger import Ledger
from pipeline.metrics import trend_periods
from pipeline.output_files import write_files
from pipeline.query import ReportQuery
from pipeline.report import number_report
from pipeline.sources.base import TRUST_IS_BELIEVED, Source, trust_is_believed
from pipeline.sources.store_waits import read_waits
from pipeline.targets import TargetNumbers, number_targets
from reports.charts.style import start_drawing
from reports.loading import list_trend_marks
from reports.mailing import ReportMail, queue_report
from reports.monthly_files import SOMETIMES, render_files
from survey.clock import now
from survey.errors import CsatError
from survey.logs import configure_logs
from survey.messages.worker import send_due
from survey.months import Month
from survey.periods import Period
from survey.progress import show_progress
from survey.settings import Settings
from survey.store.ledger import read_entries
from survey.store.marks import Mark
from survey.store.messages import MessageState, find_messages
from survey.store.models import Channel
from survey.store.schema import open_store


@click.command()
@month_option
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="The folder to write the files into.",
)
@click.option("--mail", is_flag=True, help="Send the report to CSAT_REPORT_RECIPIENTS.")
@click.option("--again", is_flag=True, help="With --mail, also to those who have it already.")
@counting_options
def report(
    month: Month, out: Path | None, mail: bool, again: bool, source_name: str, **how: Any
) -> None:
    """The files of one month: report.html to read, and CSV files for spreadsheets.

    teams.csv, trend.csv, drivers.csv, comments.csv, counts.csv, quality.csv, report.html;
    targets.csv once tickets are known, and donations.csv from the database. All are written, or
    none. With --mail, the report goes by mail to everybody who has not got it yet.
    """
    if out is None and not mail:
        raise click.UsageError("Say where the report goes: --out FOLDER, --mail, or both.")
    if again and not mail:
        raise click.BadParameter("only --mail sends anything again", param_hint="--again")
    if mail and source_name != "database":
        raise click.BadParameter("mails are made from the database alone", param_hint="--source")
    as_of = now()
    settings, source = open_named_source(source_name, **how)
    if out is not None:
        _write(out, month, settings, source, as_of)
    if mail:
        _send(month, settings, as_of, again=again)


def _write(out: Path, month: Month, settings: Settings, source: Source, as_of: datetime) -> None:
    """Write the files of a month."""
    query = ReportQuery(Period.of_month(month))
    # The oldest month of the trend is compared with the one before it.
    since = trend_periods(query.period)[0].shift(-1).first
    start_drawing()
    with show_progress("Reading") as on_progress:
        counted = source.count_month(month, Month(since.year, since.month), on_progress)
    numbers = number_report(
        counted,
        query,
        settings,
        source=source.description,
        trust_is_believed=trust_is_believed(source, settings),
        ledger=_read_ledger(settings) if source.is_store else None,
        as_of=as_of,
        marks=_read_marks(settings, query),
        targets=_number_targets(settings, query, as_of, with_responses=source.is_store),
    )
    write_files(out, render_files(numbers, settings), replacing=SOMETIMES)
    responses = numbers.teams["responses"].iloc[-1]
    click.echo(f"{out / 'report.html'}: {month}, {responses:,} responses")
    if trust_is_believed(source, settings):
        click.echo(TRUST_IS_BELIEVED)


def _send(month: Month, settings: Settings, as_of: datetime, *, again: bool) -> None:
    """Send the report of a month; raise CsatError if somebody could not be reached."""
    # Sending is logged.
    configure_logs(settings.log_format)
    database = open_store(settings.database_url)
    report = queue_report(database, settings, month, as_of, again=again)
    send_due(database, settings, now, channels=[Channel.MAIL])
    with database.reading() as connection:
        states = find_messages(connection, [mail.key for mail in report.mails])
    open_mails = [mail for mail in report.mails if mail not in report.sent_before]
    sent = [mail for mail in open_mails if states[mail.key].is_sent]
    if sent:
        click.echo(f"Sent to {_count_addresses(sent)}.")
    if report.sent_before:
        click.echo(f"{len(report.sent_before)} had it already; --again sends it again.")
    failed = [mail for mail in open_mails if not states[mail.key].is_sent]
    if failed:
        reasons = [f"{mail.address}: {_explain(states[mail.key])}" for mail in failed]
        raise CsatError("\n".join([f"Not sent to {_count_addresses(failed)}.", *reasons]))


def _count_addresses(mails: Sequence[ReportMail]) -> str:
    number = len({mail.address for mail in mails})
    return f"{number:,} address{'' if number == 1 else 'es'}"


def _explain(state: MessageState) -> str:
    """Return why a mail was not sent, and what becomes of it."""
    reason = state.failure or "it waits to be sent"
    return f"{reason}; --again tries it again" if state.is_dead else f"{reason}; it is tried again"


def _read_ledger(settings: Settings) -> Ledger:
    with open_store(settings.database_url).reading() as connection:
        return Ledger(read_entries(connection))


def _number_targets(
    settings: Settings, query: ReportQuery, as_of: datetime, *, with_responses: bool
) -> TargetNumbers | None:
    """Return the numbers of response targets, whichever the source of the answers, if the store
    knows tickets. Only its own responses are compared by them."""
    database = open_store(settings.database_url)
    if not database.exists:
        return None
    with database.reading() as connection:
        waits = read_waits(connection, query, settings, with_responses=with_responses)
    if waits is None:
        return None
    return number_targets(waits, settings.targets, settings.timezone, as_of)


def _read_marks(settings: Settings, query: ReportQuery) -> list[Mark]:
    """Return the marks of the store, if there is one; export files are reported on without."""
    database = open_store(settings.database_url)
    if not database.exists:
        return []
    with database.reading() as connection:
        return list_trend_marks(connection, query)
