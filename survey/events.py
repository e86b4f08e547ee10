"""The `survey sent` event, and how it is built from an answer. Pure."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from survey.event_values import PROOF_KEY, SURVEY_SENT
from survey.languages import translatable
from survey.link_proofs import make_proof
from survey.links import anonymous_person
from survey.pseudonyms import is_pseudonym
from survey.rules import Answer
from survey.settings import Settings
from survey.vocabulary import Trust

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
    """Return the message for PostHog's batch endpoint (docs/rules.md).

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
        **_proof(answer, settings),
    }
    return build_message(
        SURVEY_SENT,
        uuid=answer.uuid,
        distinct_id=answer.distinct_id,
        at=answer.answered_at,
        properties=properties,
    )


def _proof(answer: Answer, settings: Settings) -> dict[str, str]:
    """Return the proof of the answer's link trust, where there is a secret to make it with."""
    if not settings.proof_secrets or answer.rating is None:
        return {}
    proof = make_proof(
        uuid=answer.uuid,
        ticket_id=answer.ticket_id or "",
        distinct_id=answer.distinct_id,
        rating=answer.rating,
        trust=answer.trust,
        secret=settings.proof_secrets[0],
    )
    return {PROOF_KEY: proof}


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
    """Return the properties that all our events have: of the survey, the ticket and the person."""
    is_anonymous = person == anonymous_person(ticket_id) or is_pseudonym(person)
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
    """Return an event as PostHog's batch endpoint takes it."""
    return {
        "event": name,
        "distinct_id": distinct_id,
        "uuid": uuid,
        "timestamp": at.astimezone(UTC).isoformat(timespec="microseconds"),
        "properties": properties,
    }
