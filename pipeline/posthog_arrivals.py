"""Whether yesterday's events arrived at PostHog, for `csat posthog check` and `csat doctor`."""

from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from datetime import datetime, timedelta

from pipeline.reconcile import Difference, Reconciliation, Side
from pipeline.reconciling import reconcile_between
from pipeline.sources.base import OnProgress
from pipeline.sources.posthog_answer import QueryError
from pipeline.sources.posthog_client import PostHogClient
from survey.doctor.findings import Finding, Level
from survey.months import Month
from survey.periods import Period
from survey.settings import Settings
from survey.store.database import Database

_CHECK = "posthog events"


def check_yesterday(database: Database, settings: Settings, now: datetime) -> list[Finding]:
    """Return whether PostHog has the events of yesterday's answers; nothing where no key or no
    project is set. Raise StoreError."""
    if settings.posthog_project_id is None or settings.posthog_personal_key is None:
        return []
    yesterday = now.astimezone(settings.timezone).date() - timedelta(days=1)
    bounds = Period(yesterday, yesterday, 0).bounds(settings.timezone)
    api = PostHogClient(
        settings.posthog_app_address,
        settings.posthog_project_id,
        settings.require_posthog_personal_key(),
    )
    with closing(api):
        try:
            result = reconcile_between(*bounds, settings, database, api, now, _show_nothing)
        except QueryError as error:
            return [Finding(_CHECK, Level.WARNING, f"PostHog was asked in vain: {error}")]
    return [_judge(result, Month(yesterday.year, yesterday.month))]


def _show_nothing(_what: str) -> AbstractContextManager[OnProgress]:
    # Checks run beside each other, and a terminal has room for one bar.
    return nullcontext(lambda _read: None)


def _judge(result: Reconciliation, month: Month) -> Finding:
    """Return whether there is something to find out about the events of a day."""
    hint = f"`csat reconcile --month {month}` lists them"
    lacking = [each for each in result.unexplained if each.side is Side.NOT_AT_POSTHOG]
    if lacking:
        message = (
            f"PostHog lacks {len(lacking):,} of yesterday's answers{_reasons(lacking)}: look at "
            f"billing and ingestion warnings there; {hint}"
        )
        return Finding(_CHECK, Level.FAILURE, message)
    if result.unexplained:
        message = (
            f"of what PostHog has of yesterday, {len(result.unexplained):,} did not come from here"
            f"{_reasons(result.unexplained)}; {hint}"
        )
        return Finding(_CHECK, Level.WARNING, message)
    if not result.expected:
        return Finding(_CHECK, Level.OK, "nobody answered yesterday, so none were to arrive")
    pending = result.expected - result.in_both
    more = f", {pending:,} more accounted for (`csat outbox`)" if pending else ""
    return Finding(_CHECK, Level.OK, f"{result.in_both:,} of yesterday's are there{more}")


def _reasons(differences: Sequence[Difference]) -> str:
    counts = Counter(str(each.reason) for each in differences)
    return f" ({', '.join(f'{count:,} {reason}' for reason, count in sorted(counts.items()))})"
