"""Events as a source has them, and what they say as answers."""

import json
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import Any, NamedTuple, Protocol

import pandas as pd
import pyarrow as pa

from pipeline.answers import frame_answers, tabulate_answers
from pipeline.proofs import claim_trust, read_proofs
from survey.counting_rules import CountingRules
from survey.erasures import USER_KEY
from survey.event_values import (
    PropertyKeys,
    encodable,
    is_other_survey,
    read_comment,
    read_language,
    read_person,
    read_rating,
    read_team,
    read_text,
    read_ticket,
    read_trust,
)
from survey.vocabulary import LONGEST_VALUE, Trust

# How deep the properties of an event may be nested. Some versions of Python read no more than 900
# levels, DuckDB reads all: what counts must not depend on who reads.
DEEPEST = 800

_EVENTS_AT_ONCE = 10_000
_CONTAINERS = frozenset((dict, list))


class BadEvent(ValueError):
    """An event that PostHog could not have exported; the message says what is wrong with it."""


@dataclass(frozen=True)
class RawEvent:
    """A `survey sent` event, its properties as the sender wrote them."""

    uuid: str
    distinct_id: str | None
    timestamp: datetime
    properties: dict[str, Any]


# An event, and the row or line where it stands in its file.
NumberedEvent = tuple[int, RawEvent]


class Comment(NamedTuple):
    """The text of a comment, the language of the page on which it was written, and the person whom
    the event names besides its own; None for what is not there."""

    text: str | None
    language: str | None
    user_id: str | None = None


class AnswerLookup(Protocol):
    """Looks up whole answers by the columns `file` and `row` of a frame."""

    def look_up_events(self, answers: pd.DataFrame) -> list[RawEvent]:
        """Return the events of these answers, in their order; raises SourceError."""

    def look_up_comments(self, answers: pd.DataFrame) -> list[Comment]:
        """Return the comments of these answers, in their order; raises SourceError."""


class EventList:
    """Events in memory, and their rows are their indices (`AnswerLookup`)."""

    def __init__(self, events: Sequence[RawEvent], rules: CountingRules) -> None:
        self._events = events
        self._rules = rules

    def frame(self) -> pd.DataFrame:
        """Return the events as answers (`schemas.ANSWERS`), in their order."""
        table = tabulate_events(self._events, range(len(self._events)), self._rules)
        return frame_answers([table])

    def look_up_events(self, answers: pd.DataFrame) -> list[RawEvent]:
        """Return the events of these answers, in their order."""
        return [self._events[row] for row in answers["row"]]

    def look_up_comments(self, answers: pd.DataFrame) -> list[Comment]:
        """Return the comments of these answers, in their order."""
        return [read_event_comment(event, self._rules) for event in self.look_up_events(answers)]


def parse_json(text: str | bytes) -> Any:
    """Parse a JSON text; where an object has a name twice, keep the first value.

    Python would take the last; DuckDB, which reads most of it, takes the first.
    Raises BadEvent.
    """
    try:
        if isinstance(text, bytes):
            text = text.removeprefix(BOM_UTF8).decode("utf-8", "surrogatepass")
        return _DECODER.decode(text)
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise BadEvent(f"not UTF-8: byte {error.start + 1} is 0x{byte:02x}") from None
    except ValueError as error:
        raise BadEvent(f"not JSON: {error}") from None
    except RecursionError:
        raise BadEvent(f"nested more than {DEEPEST} deep") from None


def parse_properties(text: str) -> Any:
    """Return an event's properties, which most exports hold as JSON in a text; raises BadEvent."""
    try:
        return parse_json(text)
    except BadEvent as error:
        raise BadEvent(f"properties are {error}") from None


def _first_of_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return dict(reversed(pairs))


_DECODER = json.JSONDecoder(object_pairs_hook=_first_of_each)


def raw_event(uuid: Any, distinct_id: Any, timestamp: Any, properties: Any) -> RawEvent:
    """Return an event from the values of its row; raises BadEvent.

    No timestamp or uuid is guessed: they decide the month, and what is a copy of what.
    """
    is_text = isinstance(uuid, str) and uuid.strip() and encodable(uuid) == uuid
    if not is_text or len(uuid) > LONGEST_VALUE:
        raise BadEvent(f"{repr(uuid)[:LONGEST_VALUE]} is not a uuid")
    if properties is not None and not isinstance(properties, dict):
        raise BadEvent("properties are not a JSON object")
    if properties and _is_too_deep(properties):
        raise BadEvent(f"properties are nested more than {DEEPEST} deep")
    return RawEvent(uuid, read_text(distinct_id), _instant(timestamp), properties or {})


def _is_too_deep(value: Any) -> bool:
    """Return whether lists and objects stand in each other, more than `DEEPEST` of them."""
    level = [value]
    for _ in range(DEEPEST):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if inner.__class__ in _CONTAINERS
        ]
        if not level:
            return False
    return True


def _instant(value: Any) -> datetime:
    """Return an aware time in UTC; one without a zone is UTC, as PostHog means it."""
    try:
        instant = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        instant = instant.replace(tzinfo=instant.tzinfo or UTC).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        raise BadEvent(f"{value!r} is not a time") from None
    # At the ends of the calendar an instant has no month in every time zone.
    if not 1 < instant.year < 9999:
        raise BadEvent(f"{value!r} is not a time that an answer can have")
    return instant


def tabulate_events(
    events: Sequence[RawEvent], rows: Sequence[int], rules: CountingRules
) -> pa.Table:
    """Read events as answers into a table (`answers.SCHEMA`); `rows` are the rows of the events in
    their file."""
    # Column by column: an `Answer` for each event would take a sixth more of the time of a file.
    keys = PropertyKeys.of(rules)
    properties = [event.properties for event in events]
    tickets = [read_ticket(each.get(keys.ticket)) for each in properties]
    trusts = [read_trust(each.get(keys.trust)) for each in properties]
    return tabulate_answers(
        uuid=[event.uuid for event in events],
        answered_at=[event.timestamp for event in events],
        ticket_id=tickets,
        person=[
            read_person(each.distinct_id, ticket)
            for each, ticket in zip(events, tickets, strict=True)
        ],
        team=[read_team(each.get(keys.team), each.get(keys.older_team)) for each in properties],
        rating=[
            read_rating(each.get(keys.rating), each.get(keys.rating_by_index))
            for each in properties
        ],
        trust=map(claim_trust, trusts),
        proof=read_proofs(
            each.get(keys.proof) if trust is not Trust.UNVERIFIED else None
            for each, trust in zip(properties, trusts, strict=True)
        ),
        is_other_survey=[is_other_survey(each.get(keys.survey_id), rules) for each in properties],
        has_comment=[
            read_comment(each.get(keys.comment), each.get(keys.comment_by_index)) is not None
            for each in properties
        ],
        row=rows,
    )


def tabulate_numbered(events: Iterator[NumberedEvent], rules: CountingRules) -> Iterator[pa.Table]:
    """As `tabulate_events`, some thousands at a time, for events that bring their row."""
    while some := list(islice(events, _EVENTS_AT_ONCE)):
        yield tabulate_events([event for _, event in some], [row for row, _ in some], rules)


def read_event_comment(event: RawEvent, rules: CountingRules) -> Comment:
    """Return the comment of an event."""
    keys, value = PropertyKeys.of(rules), event.properties.get
    return Comment(
        read_comment(value(keys.comment), value(keys.comment_by_index)),
        read_language(value(keys.language)),
        read_text(value(USER_KEY)),
    )
