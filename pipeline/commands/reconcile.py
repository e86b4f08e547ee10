"""`csat reconcile`: is everything of a month at PostHog, and nothing else?"""

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import closing
from datetime import datetime, tzinfo

import click

from pipeline.commands.options import month_option
from pipeline.reconcile import Difference, Reason, Reconciliation, Side
from pipeline.reconciling import reconcile_between
from pipeline.sources.posthog_client import PostHogClient
from survey.clock import now
from survey.months import Month
from survey.settings import Settings, load_settings
from survey.store.database import Database
from survey.store.schema import open_store

HINTS = {
    Reason.DROPPED: "PostHog accepted these and does not have them: it drops without a word what "
    "is over a quota, or restricted; see billing and ingestion warnings there. Or they were sent "
    "under another CSAT_SURVEY_ID.",
    Reason.NEVER_SENT: "these never were in the outbox: they began to count when settings changed.",
    Reason.OTHER_TIME: "PostHog has these at a time that is not the answer's, in another month.",
    Reason.UNKNOWN: "somebody else sends events of this survey, or the store is not the one that "
    "sent these: check CSAT_DATABASE_URL and CSAT_SURVEY_ID.",
}
HEADINGS = ("time", "ticket", "uuid", "side", "reason")


@click.command()
@month_option
def reconcile(month: Month) -> None:
    """Compare a month's answers in the store with the events that PostHog has.

    Lists what only one of the two has, with the reason. Missing at PostHog may be what waits in
    the outbox, dead letters, what it accepted within the last 15 minutes, and answers of persons
    who were erased; only at PostHog may be imported answers and those that count no more.
    Anything else is not explained: the exit code is then 1.

    Needs CSAT_POSTHOG_PROJECT_ID and CSAT_POSTHOG_PERSONAL_KEY.
    """
    settings = load_settings()
    database = open_store(settings.database_url)
    api = PostHogClient(
        settings.posthog_app_address,
        settings.require_posthog_project_id(),
        settings.require_posthog_personal_key(),
    )
    with database.reading():
        pass  # says clearly where there is no database, before PostHog is asked
    as_of = now()
    with closing(api):
        result = reconcile_month(month, settings, database, api, as_of)
    for line in describe(result, month, settings, as_of):
        click.echo(line)
    if result.unexplained:
        click.echo(f"csat: {len(result.unexplained)} differences are not explained.", err=True)
        sys.exit(1)


def reconcile_month(
    month: Month, settings: Settings, database: Database, api: PostHogClient, as_of: datetime
) -> Reconciliation:
    """Compare a month. Raise QueryError."""
    return reconcile_between(*month.bounds(settings.timezone), settings, database, api, as_of)


def describe(
    result: Reconciliation, month: Month, settings: Settings, as_of: datetime
) -> list[str]:
    """Return a line for each difference, the sums that tie, and what to do about the
    unexplained."""
    by_side = {side: [each for each in result.differences if each.side is side] for side in Side}
    asked_at = as_of.astimezone(settings.timezone).isoformat(" ", "seconds")
    lines = _table(result.differences, settings.timezone)
    lines += [
        f"{month} in {settings.timezone}, as of {asked_at}",
        f"  {result.expected:>9,}  the store expects at PostHog",
        f"  {result.at_posthog:>9,}  PostHog has",
        f"  {result.in_both:>9,}  both have",
    ]
    lines += [
        f"  {len(differences):>9,}  {side}{_reasons(differences)}"
        for side, differences in by_side.items()
    ]
    reasons = dict.fromkeys(each.reason for each in result.unexplained)
    return lines + [f"! {reason}: {HINTS[reason]}" for reason in reasons]


def _table(differences: Sequence[Difference], timezone: tzinfo) -> list[str]:
    """Return the differences in columns as wide as they must be; nothing if there are none."""
    if not differences:
        return []
    rows = [HEADINGS, *(_cells(each, timezone) for each in differences)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return [*lines, ""]


def _cells(each: Difference, timezone: tzinfo) -> tuple[str, ...]:
    at = each.at.astimezone(timezone).isoformat(" ", "seconds")
    reason = f"{each.reason}: {each.detail}" if each.detail else str(each.reason)
    texts = (at, each.ticket_id or "-", each.uuid, each.side, reason)
    return tuple(_printable(text) for text in texts)


def _printable(text: str) -> str:
    """Without what a terminal would obey: events at PostHog can come from anybody."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _reasons(differences: Iterable[Difference]) -> str:
    counts = Counter(str(each.reason) for each in differences)
    listed = ", ".join(f"{count:,} {reason}" for reason, count in sorted(counts.items()))
    return f" ({listed})" if listed else ""
