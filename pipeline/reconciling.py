"""Reads what the store and PostHog have of a period, and compares it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime

from pipeline.reconcile import Reconciliation, SentEvent, compare
from pipeline.sources.base import OnProgress
from pipeline.sources.posthog_client import PostHogClient
from pipeline.sources.posthog_query import EventQuery, read_pages
from survey.counting_rules import CountingRules
from survey.event_values import SURVEY_SENT
from survey.progress import show_progress
from survey.settings import Settings
from survey.store.database import Database
from survey.store.outcomes import find_outcomes
from survey.store.sent import answers_between

# Gives the function to call with the number of what has been read.
ShowProgress = Callable[[str], AbstractContextManager[OnProgress]]


def reconcile_between(
    opens_at: datetime,
    closes_at: datetime,
    settings: Settings,
    database: Database,
    api: PostHogClient,
    as_of: datetime,
    show: ShowProgress = show_progress,
) -> Reconciliation:
    """Compare `[opens_at, closes_at)`. Ask PostHog first, then the store: what comes in between is
    then merely on its way. `show` shows how far it is. Raise QueryError."""
    with show("Asking PostHog") as on_progress:
        events = _read_events(api, settings.event_survey_id, opens_at, closes_at, on_progress)
    with show("Reading") as on_progress, database.reading() as connection:
        answers = answers_between(connection, opens_at, closes_at)
        # Also of answers of other periods, which PostHog has in this one.
        uuids = {answer.uuid for answer in answers} | {event.uuid for event in events}
        outcomes = find_outcomes(connection, CountingRules.of(settings), uuids, on_progress)
    return compare(answers, outcomes, events, as_of, settings.outbox_retention)


def _read_events(
    api: PostHogClient,
    survey_id: str,
    opens_at: datetime,
    closes_at: datetime,
    on_progress: OnProgress,
) -> list[SentEvent]:
    """Return the `survey sent` events of a survey that PostHog has in `[opens_at, closes_at)`."""
    query = EventQuery(
        "event = {event} AND properties.$survey_id = {survey_id}",
        {"event": SURVEY_SENT, "survey_id": survey_id},
        ["properties.ticketId"],
    )
    events: list[SentEvent] = []
    for page in read_pages(api, query, opens_at, closes_at, "csat reconcile"):
        events += [SentEvent(row.uuid, row.at, _ticket(row.columns[0])) for row in page]
        on_progress(len(events))
    return events


def _ticket(value: object) -> str | None:
    """Return a ticket to show; PostHog gives a number where it takes the property for one."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return None if value is None else str(value)
