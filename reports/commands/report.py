"""`csat report`: the monthly files, and the report by mail."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from pipeline.commands.options import counting_options, month_option, open_named_source
from pipeline.sources.base import TRUST_IS_BELIEVED, Source, trust_is_believed
from reports.folders import UNKNOWN_FOLDER, remember_folder
from reports.mailing import ReportMail, queue_report
from reports.shown_stuffing import summarise_stuffing
from reports.writing import write_report
from survey.clock import now
from survey.errors import CsatError
from survey.logs import configure_logs
from survey.messages.worker import send_due
from survey.months import Month
from survey.progress import show_progress
from survey.settings import Settings
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
        _write(out, month, settings, source_name, source, as_of)
    if mail:
        _send(month, settings, as_of, again=again)


def _write(
    out: Path, month: Month, settings: Settings, source_name: str, source: Source, as_of: datetime
) -> None:
    """Write the files of a month, and remember where."""
    database = open_store(settings.database_url)
    if not remember_folder(database, out, month, source_name, as_of):
        click.echo(UNKNOWN_FOLDER, err=True)
    with show_progress("Reading") as on_progress:
        numbers = write_report(out, month, settings, database, source, as_of, on_progress)
    responses = numbers.teams["responses"].iloc[-1]
    click.echo(f"{out / 'report.html'}: {month}, {responses:,} responses")
    if trust_is_believed(source, settings):
        click.echo(TRUST_IS_BELIEVED)
    for line in summarise_stuffing(numbers.stuffing, settings.teams):
        click.echo(line)


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
