"""The `survey sent` event: how an answer becomes one, and what an event says as an answer. Pure."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from survey.languages import translatable
from survey.links import anonymous_person, normalise_ticket, person_of
from survey.rules import Answer
from survey.scale import parse_rating
from survey.settings import Settings
from survey.store.vocabulary import LONGEST_VALUE, Trust
from survey.teams import slugify_team

SURVEY_SENT = "survey sent"
RATING_QUESTION = translatable("How happy are you with the level of support you received?")
COMMENT_QUESTION = translatable("What can we do to increase your rating?")


@dataclass(frozen=True)
class Questions:
    """The two questions as this customer saw them, with the language they stood in."""

    rating: str
    comment: str = COMMENT_QUESTION
    language: str = "en"


def build_event(
    answer: Answer,
    questions: Questions,
    *,
    initial_target_area: str | None = None,
    team: str,
    submission_id: str,
    settings: Settings,
) -> dict[str, Any]:
    """The message for PostHog's batch endpoint (design.md section 6).

    `team` is the response's, which its first answer fixed; `submission_id` is the response's
    too, so that PostHog shows an edit in place of what it changed.
    """
    rating, comment = str(answer.rating), answer.comment or ""
    rating_id, comment_id = settings.rating_question_id, settings.comment_question_id
    properties: dict[str, Any] = {
        **survey_properties(
            settings,
            ticket_id=answer.ticket_id or "",
            person=answer.distinct_id,
            team=team,
            trust=answer.trust,
            language=questions.language,
            initial_target_area=initial_target_area,
        ),
        "$survey_questions": [
            {"id": rating_id, "question": questions.rating, "response": rating},
            {"id": comment_id, "question": questions.comment, "response": comment},
        ],
        f"$survey_response_{rating_id}": rating,
        "$survey_response": rating,
        f"$survey_response_{comment_id}": comment,
        "$survey_response_1": comment,
        "$survey_submission_id": submission_id,
        "$survey_completed": True,
        "$survey_question": questions.rating,
        "rating": answer.rating,
    }
    return build_message(
        SURVEY_SENT,
        uuid=answer.uuid,
        distinct_id=answer.distinct_id,
        at=answer.answered_at,
        properties=properties,
    )


def survey_properties(
    settings: Settings,
    *,
    ticket_id: str,
    person: str,
    team: str,
    trust: Trust,
    language: str,
    initial_target_area: str | None,
) -> dict[str, Any]:
    """What every event of ours says: which survey, which ticket, whose."""
    is_anonymous = person == anonymous_person(ticket_id)
    properties: dict[str, Any] = {
        "$survey_id": settings.event_survey_id,
        "$survey_name": settings.survey_name,
        "$survey_language": language,
        "ticketId": ticket_id,
        "userId": None if is_anonymous else person,
        "team": team,
        "ticketTeam": team,
        "initialTargetArea": initial_target_area,
        "link_trust": trust.value,
        # The time is the answer's own: PostHog must not shift it by how late it was sent.
        "$ignore_sent_at": True,
        # The request comes from this server, whose place says nothing about the customer's.
        "$geoip_disable": True,
        "$lib": "csat",
    }
    if is_anonymous:
        properties["$process_person_profile"] = False
    return properties


def build_message(
    name: str, *, uuid: str, distinct_id: str, at: datetime, properties: dict[str, Any]
) -> dict[str, Any]:
    """An event as PostHog's batch endpoint takes it."""
    return {
        "event": name,
        "distinct_id": distinct_id,
        "uuid": uuid,
        "timestamp": at.astimezone(UTC).isoformat(timespec="microseconds"),
        "properties": properties,
    }


def read_event(event: Mapping[str, Any], settings: Settings) -> Answer:
    """The answer that a `survey sent` event carries, also one that the predecessor sent.

    `event` has `uuid`, `distinct_id`, `timestamp` (aware datetime) and `properties` (mapping).
    """
    properties = event["properties"]
    ticket_id = _ticket(properties.get("ticketId"))
    rating_key = f"$survey_response_{settings.rating_question_id}"
    comment_key = f"$survey_response_{settings.comment_question_id}"
    team = _text(_first_given(properties, "team", "ticketTeam")) or ""
    trust = properties.get("link_trust")
    timestamp: datetime = event["timestamp"]
    return Answer(
        uuid=event["uuid"],
        ticket_id=ticket_id,
        distinct_id=person_of(_text(event.get("distinct_id")), ticket_id or ""),
        rating=parse_rating(_first_given(properties, rating_key, "$survey_response")),
        comment=_text(_first_given(properties, comment_key, "$survey_response_1")),
        team=slugify_team(team if len(team) <= LONGEST_VALUE else None),
        answered_at=timestamp.astimezone(UTC),
        trust=Trust(trust) if trust in tuple(Trust) else Trust.UNVERIFIED,
        survey_id=_text(properties.get("$survey_id")),
    )


def earliest_copies(events: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Of several events with one uuid the earliest; of equal times the greatest properties, and
    of equal properties the greatest person, so that no order of files decides."""
    kept: dict[str, Mapping[str, Any]] = {}
    for event in events:
        rival = kept.setdefault(event["uuid"], event)
        if event["timestamp"] < rival["timestamp"] or (
            event["timestamp"] == rival["timestamp"] and _weight(event) > _weight(rival)
        ):
            kept[event["uuid"]] = event
    return list(kept.values())


def _weight(event: Mapping[str, Any]) -> tuple[str, str]:
    properties = event["properties"]
    ticket_id = _ticket(properties.get("ticketId")) or ""
    return _canonical_json(properties), person_of(_text(event.get("distinct_id")), ticket_id)


def _canonical_json(properties: Any) -> str:
    text = json.dumps(properties, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return _encodable(text)


def _first_given(properties: Mapping[str, Any], *keys: str) -> Any:
    """The value under the first key that has one which is neither null nor blank text."""
    for key in keys:
        value = properties.get(key)
        if value is not None and not (isinstance(value, str) and not value.strip()):
            return value
    return None


def _ticket(value: object) -> str | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    ticket = normalise_ticket(_text(str(value)) or "")
    return None if ticket and len(ticket) > LONGEST_VALUE else ticket


def _text(value: object) -> str | None:
    """A text as it stands, anything else as JSON; half characters, which no file can hold,
    become question marks, and NUL, which PostgreSQL cannot hold, U+FFFD."""
    if value is None:
        return None
    return _encodable(value) if isinstance(value, str) else _canonical_json(value)


def _encodable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\ufffd")
