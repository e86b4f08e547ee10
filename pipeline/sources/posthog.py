"""PostHog itself as a source: its `survey sent` events, by the Query API."""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

from pipeline.aggregate import count_answers, count_month
from pipeline.counts import MonthCounts, Totals
from pipeline.deduplicate import mark_duplicates, shown_between
from pipeline.events import BadEvent, EventList, RawEvent, parse_properties, raw_event
from pipeline.sources.base import OnProgress, Received, SourceError
from pipeline.sources.posthog_client import PostHogClient
from pipeline.sources.posthog_query import PAGE_ROWS, EventQuery, EventRow, read_pages
from survey.clock import now
from survey.counting_rules import CountingRules
from survey.erasures import NOTHING_ERASED, Erasures
from survey.event_values import SURVEY_SENT
from survey.months import Month
from survey.settings import Settings

# The earliest time that ClickHouse can tell from others.
_BEGINNING = datetime(1900, 1, 1, tzinfo=UTC)
# PostHog takes a time that is more than 23 hours ahead for a mistake, and the time of receipt
# instead; so nothing lies beyond.
_AHEAD = timedelta(days=2)

# Of every survey: those of others are received, too, and counted as such.
_QUERY = EventQuery("event = {event}", {"event": SURVEY_SENT}, ["distinct_id", "properties"])
_TASK = "csat posthog source"


class PostHogSource:
    """All `survey sent` events that a project has when the reading begins.

    A report shows no comment that `erasures` hide. Raises SettingsError where the project is not
    set, or the key to ask it with.
    """

    is_store = False

    def __init__(
        self,
        settings: Settings,
        rules: CountingRules,
        clock: Callable[[], datetime] = now,
        page_rows: int = PAGE_ROWS,
        erasures: Erasures = NOTHING_ERASED,
    ) -> None:
        self._rules = rules
        self._erasures = erasures
        self._address = settings.posthog_app_address
        self._project_id = settings.require_posthog_project_id()
        self._personal_key = settings.require_posthog_personal_key()
        self._clock = clock
        self._page_rows = page_rows

    @property
    def description(self) -> str:
        """PostHog, with the number of the project."""
        return f"PostHog's project {self._project_id}"

    def read_events(self) -> Iterator[list[RawEvent]]:
        """Yield every event, page by page.

        Raises SourceError; where an event cannot be read, it names its uuid.
        """
        closes_at = self._clock() + _AHEAD
        with closing(PostHogClient(self._address, self._project_id, self._personal_key)) as client:
            pages = read_pages(client, _QUERY, _BEGINNING, closes_at, _TASK, self._page_rows)
            for page in pages:
                yield [_read_event(row) for row in page]

    def read_answers(self, on_progress: OnProgress, comments_of: Month | None = None) -> Received:
        """Return every event as an answer; raises SourceError."""
        events: list[RawEvent] = []
        for page in self.read_events():
            events += page
            on_progress(len(events))
        lookup = EventList(events, self._rules)
        shown = shown_between(comments_of, self._rules)
        return Received(mark_duplicates(lookup.frame(), lookup, shown), lookup)

    def count_months(self, on_progress: OnProgress) -> Totals:
        """Return the counts of every month; raises SourceError."""
        return count_answers(self.read_answers(on_progress).answers, self._rules)

    def count_month(self, month: Month, since: Month, on_progress: OnProgress) -> MonthCounts:
        """Count what the report of a month needs; raises SourceError."""
        received = self.read_answers(on_progress, comments_of=month)
        return count_month(*received, month, since, self._rules, self._erasures)


def _read_event(row: EventRow) -> RawEvent:
    distinct_id, properties = row.columns
    try:
        # PostHog gives properties as a text of JSON.
        if isinstance(properties, str):
            properties = parse_properties(properties)
        return raw_event(row.uuid, distinct_id, row.at, properties)
    except BadEvent as error:
        raise SourceError(f"PostHog's event {row.uuid!r} cannot be read: {error}") from None
