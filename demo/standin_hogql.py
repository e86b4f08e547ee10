"""Runs the HogQL that the pipeline sends, on recorded events, and refuses all other HogQL."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from operator import eq, ge, gt, le, lt
from typing import Any
from zoneinfo import ZoneInfo

from demo.wire import Refusal

# PostHog's own limits: the rows for a query without LIMIT, and the most rows for any LIMIT.
# PostHog gives no warning when it leaves rows out.
ROWS_WITHOUT_LIMIT = 100
MOST_ROWS = 50_000

# PostHog gives plain times in the project's time zone. This zone is far from UTC, so that code
# that takes these times for UTC fails.
PROJECT_TIMEZONE = ZoneInfo("America/Los_Angeles")

Event = Mapping[str, Any]

_QUERY = re.compile(
    r"SELECT (?P<columns>.+) FROM events WHERE (?P<condition>.+)"
    r" ORDER BY timestamp, toString\(uuid\)(?: LIMIT (?P<limit>\d+))?"
)
_COMPARISON = re.compile(r"(?P<left>.+) (?P<operator>=|>=|>|<=|<) (?P<right>[^<>=]+)")
_INSTANT = re.compile(r"toDateTime64\((?P<value>\{\w+\}), 6, 'UTC'\)")
_TIME_FORMAT = "%Y-%m-%d %H:%M:%S.%f"
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {"=": eq, ">": gt, ">=": ge, "<": lt, "<=": le}
_FIELDS: dict[str, Callable[[Event], Any]] = {
    "event": lambda event: event["event"],
    "distinct_id": lambda event: event["distinct_id"],
    "uuid": lambda event: event["uuid"],
    "toString(uuid)": lambda event: event["uuid"],
    "properties": lambda event: json.dumps(event.get("properties")),
    "timestamp": lambda event: event["timestamp"],
    "toString(toTimeZone(timestamp, 'UTC'))": lambda event: f"{event['timestamp']:{_TIME_FORMAT}}",
}


def recorded_events(messages: Iterable[Event]) -> list[Event]:
    """Return accepted messages as rows of PostHog's table, without those that lack uuid or time."""
    rows: list[Event] = []
    for message in messages:
        try:
            instant = datetime.fromisoformat(str(message["timestamp"]))
            uuid = str(message["uuid"]).lower()
        except (KeyError, ValueError):
            continue
        timestamp = instant.replace(tzinfo=instant.tzinfo or UTC).astimezone(UTC)
        rows.append({**message, "uuid": uuid, "timestamp": timestamp})
    return rows


def run(query: str, values: Mapping[str, Any], events: Sequence[Event]) -> dict[str, Any]:
    """Return the answer to a query. Raise Refusal for a query that PostHog refuses or that this
    module does not know."""
    text = " ".join(query.split())
    if re.search(r"\bOFFSET\b", text, re.IGNORECASE):
        raise _refusal("OFFSET is not supported on queries made with a personal API key.")
    if text == "SELECT 1":
        return {"results": [[1]]}
    match = _QUERY.fullmatch(text)
    if match is None:
        raise _refusal(f"the stand-in does not understand: {text}")
    columns = [_field(column) for column in _split(match["columns"], ", ")]
    conditions = [_condition(part, values) for part in _split(match["condition"], " AND ")]
    found = [event for event in events if all(holds(event) for holds in conditions)]
    found.sort(key=lambda event: (event["timestamp"], event["uuid"]))
    limit = int(match["limit"] or ROWS_WITHOUT_LIMIT)
    rows = [[_shown(column(event)) for column in columns] for event in found]
    answer: dict[str, Any] = {"results": rows[: min(limit, MOST_ROWS)]}
    if match["limit"] is None:
        answer |= {"hasMore": len(rows) > limit, "limit": limit, "offset": 0}
    return answer


def _split(text: str, separator: str) -> list[str]:
    """Return the parts between separators. A separator inside parentheses does not count."""
    parts, depth, begin = [], 0, 0
    for position, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if depth == 0 and position >= begin and text.startswith(separator, position):
            parts.append(text[begin:position])
            begin = position + len(separator)
    return [*parts, text[begin:]]


def _condition(text: str, values: Mapping[str, Any]) -> Callable[[Event], bool]:
    """Return a test for one comparison, or for several in parentheses that OR joins."""
    if text.startswith("("):
        choices = [_condition(part, values) for part in _split(text[1:-1], " OR ")]
        return lambda event: any(holds(event) for holds in choices)
    match = _COMPARISON.fullmatch(text)
    if match is None:
        raise _refusal(f"the stand-in does not understand: {text}")
    field, compare = _field(match["left"]), _OPERATORS[match["operator"]]
    right = _constant(match["right"], values)
    # PostHog would compare a time with a text, in the project's time zone. Nobody wants that.
    if (match["left"] == "timestamp") is not isinstance(right, datetime):
        raise _refusal(f"the stand-in does not compare these: {text}")

    def holds(event: Event) -> bool:
        left = field(event)
        return left is not None and compare(left, right)

    return holds


def _field(text: str) -> Callable[[Event], Any]:
    name = text.removeprefix("properties.")
    if name != text and re.fullmatch(r"\$?\w+", name):
        return lambda event: _property(event, name)
    if text not in _FIELDS:
        raise _refusal(f"the stand-in does not understand: {text}")
    return _FIELDS[text]


def _property(event: Event, name: str) -> str | None:
    properties = event.get("properties")
    value = properties.get(name) if isinstance(properties, dict) else None
    return None if value is None else str(value)


def _constant(text: str, values: Mapping[str, Any]) -> Any:
    match = _INSTANT.fullmatch(text)
    placeholder = match["value"] if match else text
    name = placeholder[1:-1]
    if placeholder != f"{{{name}}}" or name not in values:
        raise _refusal(f"Placeholder {placeholder} is not available in this context.")
    if match is None:
        return values[name]
    try:
        return datetime.strptime(values[name], _TIME_FORMAT).replace(tzinfo=UTC)
    except (TypeError, ValueError):
        raise _refusal(f"Cannot parse {values[name]!r} as DateTime64") from None


def _shown(value: Any) -> Any:
    return value.astimezone(PROJECT_TIMEZONE).isoformat() if isinstance(value, datetime) else value


def _refusal(detail: str) -> Refusal:
    return Refusal(400, "invalid_input", detail)
