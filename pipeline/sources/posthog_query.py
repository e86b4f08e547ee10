"""Events by the Query API, page after page, however many there are."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pipeline.sources.posthog_answer import QueryError, Row
from pipeline.sources.posthog_client import PostHogClient

# PostHog gives no more rows than this at a time, and does not say that it left some out.
MOST_ROWS = 50_000
# Seconds and single megabytes for PostHog; a hundred thousand events are ten queries.
PAGE_ROWS = 10_000

# Each page begins behind the last row of the one before: OFFSET is refused, and the answer does not
# say whether there is more. The uuid goes as text, because ClickHouse orders uuids by their second
# half. Times are asked for and given in UTC: a bare one would be in the project's time zone. They
# go as text, because HogQL has no function for microseconds since 1970.
_QUERY = """
SELECT toString(toTimeZone(timestamp, 'UTC')), toString(uuid){columns}
FROM events
WHERE {condition}
  AND timestamp >= toDateTime64({{after_at}}, 6, 'UTC')
  AND timestamp < toDateTime64({{closes_at}}, 6, 'UTC')
  AND (timestamp > toDateTime64({{after_at}}, 6, 'UTC') OR toString(uuid) > {{after_uuid}})
ORDER BY timestamp, toString(uuid)
LIMIT {limit}
"""


@dataclass(frozen=True)
class EventQuery:
    """Which events a query asks for, and which columns besides time and uuid.

    `columns` and `condition` are HogQL, written by us; what comes from elsewhere stands in
    `values`, which the condition names as `{name}`. Its parts are joined by AND.
    """

    condition: str
    values: Mapping[str, str] = field(default_factory=dict)
    columns: Sequence[str] = ()


@dataclass(frozen=True)
class EventRow:
    """An event: when it happened, its uuid, and the columns asked for."""

    at: datetime
    uuid: str
    columns: tuple[Any, ...]


def read_pages(
    api: PostHogClient,
    query: EventQuery,
    opens_at: datetime,
    closes_at: datetime,
    name: str,
    page_rows: int = PAGE_ROWS,
) -> Iterator[list[EventRow]]:
    """Yield all events in `[opens_at, closes_at)` by (time, uuid), page after page; raises
    QueryError.

    PostHog may hold several copies of an event, and then they come several times.
    """
    if not 0 < page_rows <= MOST_ROWS:
        raise ValueError(f"a page has 1 to {MOST_ROWS} rows")
    text = _QUERY.format(
        columns="".join(f", {column}" for column in query.columns),
        condition=query.condition,
        limit=page_rows,
    )
    after = (opens_at.astimezone(UTC), "")
    while True:
        values = {
            **query.values,
            "after_at": _text(after[0]),
            "after_uuid": after[1],
            "closes_at": _text(closes_at),
        }
        page = [_read_row(row, len(query.columns)) for row in api.ask(text, values, name)]
        if page:
            yield page
        if len(page) < page_rows:
            return
        last = (page[-1].at, page[-1].uuid)
        if last <= after:
            raise QueryError("PostHog gave the same events again; its answer has no end")
        after = last


def _text(instant: datetime) -> str:
    """Return a time as `toDateTime64` reads it, in UTC."""
    return instant.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def _read_row(row: Row, columns: int) -> EventRow:
    try:
        at, uuid, *rest = row
        instant = datetime.fromisoformat(at).replace(tzinfo=UTC)
    except (TypeError, ValueError):
        raise QueryError("PostHog's answer holds a row without a time") from None
    if not isinstance(uuid, str) or len(rest) != columns:
        raise QueryError("PostHog's answer holds a row that is not what was asked for")
    return EventRow(instant, uuid, tuple(rest))
