"""From events as they are to answers as frames: what each event says, whoever sent it."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pandas as pd

from pipeline.schemas import ANSWERS, check
from survey.scale import parse_rating
from survey.settings import Settings
from survey.store.vocabulary import Trust
from survey.teams import slugify_team

SURVEY_SENT = "survey sent"

_TRUST_WORDS = frozenset(trust.value for trust in Trust)
_WHOLE_NUMBER = re.compile(r"(-?\d+)\.0+", re.ASCII)


class BadEvent(ValueError):
    """An event that PostHog could not have exported; the message says what is wrong with it."""


@dataclass(frozen=True)
class RawEvent:
    """A `survey sent` event, its properties as the sender wrote them."""

    uuid: str
    distinct_id: str | None
    timestamp: datetime
    properties: dict[str, Any]


def raw_event(uuid: Any, distinct_id: Any, timestamp: Any, properties: Any) -> RawEvent:
    """An event from the values of its row; raises BadEvent.

    No timestamp or uuid is guessed: they decide the month, and what is a copy of what.
    """
    if not isinstance(uuid, str) or not uuid.strip() or _encodable(uuid) != uuid:
        raise BadEvent(f"{uuid!r} is not a uuid")
    if properties is not None and not isinstance(properties, dict):
        raise BadEvent("properties are not a JSON object")
    return RawEvent(uuid, _text(distinct_id), _instant(timestamp), properties or {})


def _instant(value: Any) -> datetime:
    """An aware time in UTC; one without a zone is UTC, as PostHog means it."""
    try:
        instant = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        instant = instant.replace(tzinfo=instant.tzinfo or UTC).astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        raise BadEvent(f"{value!r} is not a time") from None
    # At the ends of the calendar an instant has no month in every time zone.
    if not 1 < instant.year < 9999:
        raise BadEvent(f"{value!r} is not a time that an answer can have")
    return instant


def property_keys(settings: Settings) -> tuple[str, ...]:
    """The properties that an answer is read from: survey, ticket, rating by id and by place,
    comment by id and by place, team, its older name, trust."""
    return (
        *("$survey_id", "ticketId"),
        *(f"$survey_response_{settings.rating_question_id}", "$survey_response"),
        *(f"$survey_response_{settings.comment_question_id}", "$survey_response_1"),
        *("team", "ticketTeam", "link_trust"),
    )


def quote_said(properties: Mapping[str, Any], keys: Sequence[str]) -> str:
    """What an event says that an answer is read from, as it was sent: those of its properties
    whose names are in `keys`, as canonical JSON. By it copies of one time are compared."""
    return canonical_json({key: properties[key] for key in keys if key in properties})


def clean_events(events: Sequence[RawEvent], settings: Settings) -> pd.DataFrame:
    """One row per event, in their order: what it says as an answer (`schemas.ANSWERS`)."""
    answers = read_events(events, settings)
    keys = property_keys(settings)
    return check(answers.assign(is_duplicate=_find_duplicates(events, answers, keys)), ANSWERS)


def read_events(events: Sequence[RawEvent], settings: Settings) -> pd.DataFrame:
    """As `clean_events`, but none is taken for a copy."""
    _survey_key, ticket_key, *answers, team_key, old_team_key, _trust_key = property_keys(settings)
    rating_key, rating_place, comment_key, comment_place = answers
    properties = [event.properties for event in events]
    tickets = [read_ticket(each.get(ticket_key)) for each in properties]
    survey_ids = [read_survey_id(each) for each in properties]
    frame = pd.DataFrame(
        {
            "uuid": pd.Series([event.uuid for event in events], dtype="str"),
            "ticket_id": pd.Series(tickets, dtype="str"),
            "distinct_id": pd.Series(
                [read_person(e.distinct_id, t) for e, t in zip(events, tickets, strict=True)],
                dtype="str",
            ),
            "rating": pd.Series(
                [parse_rating(_given(each, rating_key, rating_place)) for each in properties],
                dtype="Int64",
            ),
            "comment": pd.Series(
                [_text(_given(each, comment_key, comment_place)) for each in properties],
                dtype="str",
            ),
            "team": pd.Series(
                [slugify_team(_text(_given(each, team_key, old_team_key))) for each in properties],
                dtype="str",
            ),
            "answered_at": pd.Series(
                [event.timestamp for event in events], dtype="datetime64[us, UTC]"
            ),
            "link_trust": pd.Series([_trust(each) for each in properties], dtype="str"),
            "is_duplicate": pd.Series(False, index=range(len(events)), dtype="bool"),
            "is_other_survey": pd.Series(
                [settings.survey_id is not None and i != settings.survey_id for i in survey_ids],
                dtype="bool",
            ),
        }
    )
    return check(frame, ANSWERS)


def _find_duplicates(
    events: Sequence[RawEvent], answers: pd.DataFrame, keys: Sequence[str]
) -> pd.Series:
    """True for every copy of a uuid but the earliest; of equal times the one that says the
    greatest, and then the one of the greatest person, so that no order of files decides."""
    columns = answers[["uuid", "answered_at", "distinct_id"]]
    copies = columns[columns.duplicated("uuid", keep=False)]
    said = [quote_said(events[row].properties, keys) for row in copies.index]
    ordered = copies.assign(said=said).sort_values(
        ["uuid", "answered_at", "said", "distinct_id"],
        ascending=[True, True, False, False],
        kind="stable",
    )
    is_duplicate = pd.Series(False, index=answers.index, dtype="bool")
    is_duplicate[ordered.index[ordered.duplicated("uuid")]] = True
    return is_duplicate


def canonical_json(value: Any) -> str:
    """A value as JSON that is written in one way only."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return _encodable(text)


def read_survey_id(properties: Mapping[str, Any]) -> str | None:
    """The survey that an event names."""
    return _text(properties.get("$survey_id"))


def _given(properties: dict[str, Any], *keys: str) -> Any:
    """The value under the first of these keys that is neither null nor blank."""
    for key in keys:
        value = properties.get(key)
        if value is not None and not (isinstance(value, str) and not value.strip()):
            return value
    return None


def read_ticket(value: Any) -> str | None:
    """A ticket as text, trimmed; 42, 42.0 and "42" are one."""
    if isinstance(value, float) and math.isfinite(value):
        value = int(value) if value.is_integer() else value
    elif isinstance(value, bool | float) or not isinstance(value, int | str):
        return None
    text = (_text(str(value)) or "").strip()
    return _WHOLE_NUMBER.sub(r"\1", text) if _WHOLE_NUMBER.fullmatch(text) else text or None


def read_person(distinct_id: str | None, ticket_id: str | None) -> str:
    """Who answers: an event without a distinct_id is its ticket's."""
    return distinct_id if distinct_id and distinct_id.strip() else f"ticket:{ticket_id or ''}"


def _trust(properties: dict[str, Any]) -> str:
    word = properties.get("link_trust")
    return word if isinstance(word, str) and word in _TRUST_WORDS else Trust.UNVERIFIED.value


def _text(value: Any) -> str | None:
    """A text as it stands, anything else as JSON; half characters become question marks, and
    NUL, which PostgreSQL cannot hold, what stands for a character that cannot be shown."""
    if value is None:
        return None
    return _encodable(value) if isinstance(value, str) else canonical_json(value)


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\ufffd")
