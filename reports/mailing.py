"""Queues the monthly report as mails: one for each team and address, and each once.

What makes a report is imported only to make one: `csat tick` asks once a minute whether any is due.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING

from survey.errors import CsatError
from survey.months import Month
from survey.recipients import ALL_TEAMS
from survey.settings import Settings, SettingsError
from survey.store.database import Database
from survey.store.messages import find_messages

if TYPE_CHECKING:
    from email.message import EmailMessage

    from reports.loading import ReportLoader

# The hour of the day, in CSAT_TIMEZONE, from which a report is sent on its day.
DUE_HOUR = 8


@dataclass(frozen=True)
class ReportMail:
    """A month's report to one address: about a team, or about all of them."""

    month: Month
    team: str
    address: str

    @property
    def key(self) -> str:
        """What the mail is known by in the outbox."""
        return f"report:{self.month}:{self.team}:{self.address}"


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
    month = find_due_month(settings, now)
    if month is None:
        return None
    queued = queue_report(database, settings, month, now, again=False).queued
    return f"report of {month}: mails queued: {len(queued)}" if queued else None


def find_due_month(settings: Settings, now: datetime) -> Month | None:
    """Return the month whose report is due: the last one, from its day on; None before that day,
    and where no day is set."""
    if settings.report_day is None:
        return None
    current = Month.of(now, settings.timezone)
    due_at = datetime(
        current.year, current.number, settings.report_day, DUE_HOUR, tzinfo=settings.timezone
    )
    return current.shift(-1) if now >= due_at else None


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
    from survey.messages.mails import enqueue_mail

    loader = ReportLoader(database, settings, lambda: now)
    queued: list[ReportMail] = []
    for team, some in groupby(mails, attrgetter("team")):
        of_team = list(some)
        report = _render(loader, settings, of_team[0].month, team)
        with database.writing() as connection:
            queued += [
                mail
                for mail in of_team
                if enqueue_mail(
                    connection,
                    key=mail.key,
                    recipient=mail.address,
                    message=_address(report, mail, settings, now),
                    now=now,
                    again=again,
                )
            ]
    return tuple(queued)


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


def _address(
    report: "EmailMessage", mail: ReportMail, settings: Settings, now: datetime
) -> "EmailMessage":
    """Return a copy of a report for one address."""
    from email.utils import format_datetime

    from survey.messages.mails import make_message_id

    message = copy.deepcopy(report)
    message["From"] = settings.mail_from
    message["To"] = mail.address
    message["Date"] = format_datetime(now)
    message["Message-ID"] = make_message_id(mail.key, settings)
    # Programs that answer mails by themselves leave out those that a program has sent.
    message["Auto-Submitted"] = "auto-generated"
    return message
