"""What is left of an event in the outbox without identity or without words. Pure."""

from typing import Any

from survey.erasures import USER_KEY
from survey.event_values import PROOF_KEY, read_rating, read_trust
from survey.link_proofs import make_proof

COMMENT_BY_PLACE = "$survey_response_1"


def erase_event(
    event: dict[str, Any], pseudonym: str | None, proof_secret: str | None
) -> dict[str, Any]:
    """Return an event of ours without words, and with a pseudonym also without identity; the same
    event if nothing is to go.

    Its uuid and its time stay, so that PostHog takes it for the same one. The proof of its trust is
    made anew where the person's name in it changes.
    """
    properties = _without_words(event["properties"])
    if pseudonym is not None:
        properties |= {USER_KEY: None, "$process_person_profile": False}
    person = pseudonym or event["distinct_id"]
    erased = {**event, "distinct_id": person, "properties": properties}
    if erased == event:
        return event
    if person != event["distinct_id"] and PROOF_KEY in properties and proof_secret is not None:
        properties[PROOF_KEY] = _prove(erased, proof_secret)
    return erased


def _without_words(properties: dict[str, Any]) -> dict[str, Any]:
    kept = {**properties, "initialTargetArea": None}
    # An answer's event has two questions: for the rating, then for the comment. A page view's has
    # none.
    questions = properties.get("$survey_questions", [])
    if questions:
        others = [{**each, "response": ""} for each in questions[1:]]
        kept["$survey_questions"] = [*questions[:1], *others]
        kept |= {f"$survey_response_{each['id']}": "" for each in others}
        kept[COMMENT_BY_PLACE] = ""
    return kept


def _prove(event: dict[str, Any], secret: str) -> str:
    properties = event["properties"]
    rating = read_rating(properties["rating"])
    assert rating is not None  # only events with a rating have a proof
    return make_proof(
        uuid=event["uuid"],
        ticket_id=properties["ticketId"],
        distinct_id=event["distinct_id"],
        rating=rating,
        trust=read_trust(properties["link_trust"]),
        secret=secret,
    )
