"""What `csat doctor` makes of the facts that it found: one finding for each check. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from survey.delivery.answer import printable
from survey.doctor.findings import Finding, Level, describe_age, in_one_line
from survey.vocabulary import DailyFigure

# What takes longer than these does not come right by itself.
LONGEST_WAIT = timedelta(hours=1)
LONGEST_IMPORT_PAUSE = timedelta(hours=2)
LONGEST_WEBHOOK_PAUSE = timedelta(days=7)
LONGEST_INVITATION_PAUSE = timedelta(days=1)
# The tickets that were solved in this period are looked at, until now.
DAYS_OF_TICKETS = 30
# A line names so many values, and counts the others.
MOST_NAMES = 5
_LONGEST_NAME = 60
# A day that has this share of the tickets that it may have is told of.
_MUCH_OF_A_DAY = 0.8
_SETTING_OF_REFUSAL = {
    DailyFigure.REFUSED_CLIENT: "CSAT_RATE_LIMIT_CLIENT",
    DailyFigure.REFUSED_LINK: "CSAT_RATE_LIMIT_LINK",
    DailyFigure.REFUSED_ALL: "CSAT_RATE_LIMIT_ALL",
    DailyFigure.REFUSED_STRANGER: "CSAT_STRANGER_ANSWERS_PER_TICKET",
}


def judge_settings(problems: Iterable[str], remarks: Iterable[str]) -> list[Finding]:
    """Return a finding for each problem and each remark about the settings, or that all is well."""
    found = [in_one_line("settings", Level.FAILURE, each) for each in problems]
    found += [in_one_line("settings", Level.WARNING, each) for each in remarks]
    return found or [Finding("settings", Level.OK, "nothing to remark")]


def judge_database(problem: str | None) -> Finding:
    """Return whether the database can be used; `problem` says why it cannot."""
    if problem is not None:
        return in_one_line("database", Level.FAILURE, problem)
    return Finding("database", Level.OK, "it can be read, and its schema is current")


def judge_queue(
    channel: str, waiting: int, oldest: timedelta, reason: str | None, dead: int, longest: timedelta
) -> list[Finding]:
    """Return what is to be said of a channel of the outbox: of what waits longer than `longest`,
    and of dead letters. `oldest` is how long the oldest one has been waiting."""
    check = f"outbox {channel}"
    found = []
    if oldest > longest:
        sender = "`csat serve` or `csat deliver`" if channel == "posthog" else "`csat tick`"
        why = (
            f"the last reason is: {printable(reason)}"
            if reason
            else f"nobody has tried to send it: does {sender} run, and is its setting there?"
        )
        message = f"{waiting:,} waiting, the oldest for {describe_age(oldest)}; {why}"
        found.append(Finding(check, Level.WARNING, f"{message} (`csat outbox`)"))
    if dead:
        letters = "1 dead letter" if dead == 1 else f"{dead:,} dead letters"
        message = f"{letters}: `csat outbox` says why, `csat outbox retry` sends again"
        found.append(Finding(check, Level.WARNING, message))
    return found or [Finding(check, Level.OK, f"{waiting:,} waiting, no dead letters")]


def judge_quota(waiting: int) -> Finding:
    """Return what is to be done while PostHog drops events for its quota."""
    message = (
        f"PostHog drops survey events, because its quota is used up; {waiting:,} wait here, none "
        "is lost: raise the billing limit for surveys in PostHog (`csat outbox`)"
    )
    return Finding("posthog quota", Level.WARNING, message)


def judge_import(saved_at: datetime | None, now: datetime) -> Finding:
    """Return whether tickets are imported; `saved_at` is when the last import saved its place, None
    if one of its streams was never read."""
    check = "zendesk import"
    if saved_at is None:
        message = "no import has read tickets and replies yet: run `csat zendesk import`"
        return Finding(check, Level.WARNING, message)
    age = f"the last import saved its place {describe_age(now - saved_at)} ago"
    if now - saved_at > LONGEST_IMPORT_PAUSE:
        return Finding(check, Level.WARNING, f"{age}: run `csat zendesk import`, best every hour")
    return Finding(check, Level.OK, age)


def judge_webhooks(newest_at: datetime | None, now: datetime) -> Finding:
    """Return whether webhooks come; `newest_at` is when the newest one came, None if none did."""
    check = "zendesk webhook"
    if newest_at is None or now - newest_at > LONGEST_WEBHOOK_PAUSE:
        came = "has come yet" if newest_at is None else f"for {describe_age(now - newest_at)}"
        message = (
            f"CSAT_ZENDESK_WEBHOOK_SECRET is set, but no webhook {came}: `csat zendesk webhook` "
            "says what is set up, the webhook's page at Zendesk whether it is paused, and the log "
            "which ones were refused"
        )
        return Finding(check, Level.WARNING, message)
    return Finding(check, Level.OK, f"the newest came {describe_age(now - newest_at)} ago")


def judge_unknown(check: str, tickets: Mapping[str, int], sentence: str, hint: str) -> Finding:
    """Return whether tickets have values that the settings do not know. `tickets` counts them by
    value, `sentence` says what is wrong with the values, and `hint` names what to do."""
    if not tickets:
        return Finding(check, Level.OK, f"all are known of {_of_tickets()}")
    ordered = sorted(tickets.items(), key=lambda each: (-each[1], each[0]))
    names = [f"{printable(name)[:_LONGEST_NAME]} ({n:,})" for name, n in ordered[:MOST_NAMES]]
    if len(ordered) > MOST_NAMES:
        names.append(f"{len(ordered) - MOST_NAMES:,} more")
    message = f"{sentence} among {_of_tickets()}: {', '.join(names)}; {hint}"
    return Finding(check, Level.WARNING, message)


def judge_requesters(tickets: int, without_id: int, without_address: int) -> list[Finding]:
    """Return whether the customers of tickets are known, and can be written to."""
    check = "zendesk requesters"
    found = []
    if without_id:
        message = (
            f"{without_id:,} of the {tickets:,} tickets solved in the last {DAYS_OF_TICKETS} days "
            "have a requester without external id: "
            "their unsigned links stay unverified; set the external id of users at Zendesk"
        )
        found.append(Finding(check, Level.WARNING, message))
    if without_address:
        words = "1 ticket" if without_address == 1 else f"{without_address:,} tickets"
        message = (
            f"{words} of the last {DAYS_OF_TICKETS} days had no mail address, "
            "so their customers were not asked; `csat zendesk webhook` says whether the trigger "
            "hands it over"
        )
        found.append(Finding(check, Level.WARNING, message))
    return found or [Finding(check, Level.OK, f"all are known of {_of_tickets()}")]


def judge_invitations(*, is_due: bool, last_sent_at: datetime | None, now: datetime) -> Finding:
    """Return whether invitations go out, where they are switched on. `is_due` says that nobody has
    decided about a ticket that was due for some time; `last_sent_at` is None if none was sent."""
    sent = "none was sent yet"
    if last_sent_at is not None:
        sent = f"the last was sent {describe_age(now - last_sent_at)} ago"
    is_recent = last_sent_at is not None and now - last_sent_at <= LONGEST_INVITATION_PAUSE
    if is_due and not is_recent:
        message = (
            f"{sent}, though tickets are due: does `csat serve` or `csat tick` run? "
            "`csat invite --dry-run` says who is asked"
        )
        return Finding("invitations", Level.WARNING, message)
    return Finding("invitations", Level.OK, sent)


def judge_growth(
    today: Mapping[DailyFigure, int], yesterday: Mapping[DailyFigure, int], most: int
) -> list[Finding]:
    """Return what is to be said of strangers: of days with nearly as many tickets as they may begin
    (`most`, of which nothing proves who answered), and of answers that were refused."""
    check = "strangers"
    days = {"today": today, "yesterday": yesterday}
    found = []
    for day, figures in days.items():
        tickets, refused = figures[DailyFigure.UNVERIFIED_TICKETS], figures[DailyFigure.REFUSED_DAY]
        begun = f"{tickets:,} tickets began with an unverified answer {day}"
        if refused:
            message = (
                f"{begun}, and {refused:,} more were refused: CSAT_UNVERIFIED_TICKETS_PER_DAY is "
                f"{most:,}. Raise it if these are your customers; signed links and tickets known "
                "from Zendesk are never refused"
            )
            found.append(Finding(check, Level.WARNING, message))
        elif tickets >= _MUCH_OF_A_DAY * most:
            message = (
                f"{begun}, and CSAT_UNVERIFIED_TICKETS_PER_DAY is {most:,}: what is above it is "
                "refused. Raise it if these are your customers"
            )
            found.append(Finding(check, Level.WARNING, message))
        for figure, setting in _SETTING_OF_REFUSAL.items():
            if figures[figure]:
                message = (
                    f"{figures[figure]:,} answers were refused {day} by {setting}. If these were "
                    "customers, see to CSAT_TRUSTED_PROXIES first, then raise it"
                )
                found.append(Finding(check, Level.WARNING, message))
    begun = f"{today[DailyFigure.UNVERIFIED_TICKETS]:,} of at most {most:,} tickets"
    return found or [Finding(check, Level.OK, f"{begun} began with an unverified answer today")]


def _of_tickets() -> str:
    return f"the tickets solved in the last {DAYS_OF_TICKETS} days"
