"""Queues the monthly report as mails: one for each team and address, and each once.

What makes a report is imported only to make one: `csat tick` asks once a minute whether any is due.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, Self

from reports.due_months import find_due_month
from survey.errors import CsatError
from survey.months import Month
from survey.recipients import ALL_TEAMS
from survey.settings import Settings, SettingsError
from survey.store.database import Database
from survey.store.messages import find_messages, list_unsent
from survey.store.models import Channel

if TYPE_CHECKING:
    from email.message import EmailMessage

    from reports.loading import ReportLoader


_KEY_BEGINNING = "report:"


@dataclass(frozen=True)
class ReportMail:
    """A month's report to one address: about a team, or about all of them."""

    month: Month
    team: str
    address: str

    @property
    def key(self) -> str:
        """What the mail is known by in the outbox."""
        return f"{_KEY_BEGINNING}{self.month}:{self.team}:{self.address}"

    @classmethod
    def of_key(cls, key: str) -> Self:
        """Return the mail that is known by a key."""
        month, team, address = key.removeprefix(_KEY_BEGINNING).split(":", 2)
        return cls(Month.parse(month), team, address)


@dataclass(frozen=True)
class QueuedReport:
    """The mails of a month's report: those that were put into the outbox now, those that were sent
    before, and all, which are also those that waited already or are dead letters."""

    mails: tuple[ReportMail, ...]
    queued: tuple[ReportMail, ...]
    sent_before: tuple[ReportMail, ...]


def queue_due_report(database: Database, settings: Settings, now: datetime) -> str | None:
    """Put the report of last month into the outbox, if its day has come, for each address that has
    not got it; return how many mails that were, or None if there were none."""
    month = find_due_month(settings.report_day, settings.timezone, now)
    if month is None:
        return None
    queued = queue_report(database, settings, month, now, again=False).queued
    return f"report of {month}: mails queued: {len(queued)}" if queued else None


def rewrite_waiting_reports(database: Database, settings: Settings, now: datetime) -> list[str]:
    """Write the reports anew that wait in the outbox, or were refused, as the responses are now:
    after an erasure they may hold words that are gone. Return what to tell the operator; a line
    that begins with `remains: ` says what is left to do."""
    with database.reading() as connection:
        keys = list_unsent(connection, Channel.MAIL, _KEY_BEGINNING)
    mails = [ReportMail.of_key(key) for key in keys]
    by_report = attrgetter("month", "team")
    rewritten, lines = 0, []
    for (month, team), some in groupby(sorted(mails, key=by_report), by_report):
        try:
            rewritten += _replace(database, settings, month, team, list(some), now)
        except CsatError as error:
            lines.append(
                f"remains: mails with the report of {month} wait in the outbox as they were "
                f"written before: {error}. Run the same command again."
            )
    if rewritten:
        lines.append(f"Reports that wait to be mailed are written anew: {rewritten:,} mails.")
    return lines


def list_mails(settings: Settings, month: Month) -> tuple[ReportMail, ...]:
    """Return the mails of a month's report, team by team. Raises SettingsError if nobody gets
    it."""
    if not settings.report_recipients:
        raise SettingsError(
            "CSAT_REPORT_RECIPIENTS is not set: it says who gets the report, as "
            "team=a@example.com,b@example.com;all=lead@example.com"
        )
    return tuple(
        ReportMail(month, team, address)
        for team, addresses in settings.report_recipients.items()
        for address in dict.fromkeys(addresses)
    )


def queue_report(
    database: Database, settings: Settings, month: Month, now: datetime, *, again: bool
) -> QueuedReport:
    """Put a month's report into the outbox, a mail for each team and address, unless it is there
    already; with `again`, also what was sent or refused before. A mail that still waits is left as
    it is."""
    mails = list_mails(settings, month)
    with database.reading() as connection:
        known = find_messages(connection, [mail.key for mail in mails])
    due = [
        mail for mail in mails if mail.key not in known or (again and known[mail.key].is_finished)
    ]
    queued = _queue(database, settings, due, now, again=again) if due else ()
    sent_before = tuple(
        mail
        for mail in mails
        if mail.key in known and known[mail.key].is_sent and mail not in queued
    )
    return QueuedReport(mails, queued, sent_before)


def _queue(
    database: Database,
    settings: Settings,
    mails: Sequence[ReportMail],
    now: datetime,
    *,
    again: bool,
) -> tuple[ReportMail, ...]:
    from reports.loading import ReportLoader
    from reports.mail.queueing import enqueue_for_each

    loader = ReportLoader(database, settings, lambda: now)
    queued: list[ReportMail] = []
    for team, some in groupby(mails, attrgetter("team")):
        of_team = list(some)
        report = _render(loader, settings, of_team[0].month, team)
        queued += enqueue_for_each(database, settings, report, of_team, now, again=again)
    return tuple(queued)


def _replace(
    database: Database,
    settings: Settings,
    month: Month,
    team: str,
    mails: Sequence[ReportMail],
    now: datetime,
) -> int:
    """Replace these mails about one report, unless they were sent; return how many."""
    from reports.loading import ReportLoader
    from reports.mail.queueing import replace_for_each

    loader = ReportLoader(database, settings, lambda: now)
    report = _render(loader, settings, month, team)
    return replace_for_each(database, settings, report, mails, now)


def _render(loader: "ReportLoader", settings: Settings, month: Month, team: str) -> "EmailMessage":
    from pipeline.query import ReportQuery
    from reports.mail.message import render_report_mail
    from survey.periods import Period
    from survey.store.counting import ResponsesOutdated

    teams = () if team == ALL_TEAMS else (team,)
    try:
        numbers = loader.load(ReportQuery(Period.of_month(month), teams=teams))
    except ResponsesOutdated:
        raise CsatError(
            "a setting has changed that decides what counts, and the responses are not derived "
            "anew yet: run `csat db upgrade`, or wait until `csat serve` has done so"
        ) from None
    return render_report_mail(numbers, settings)
