"""Reads the values of a `survey sent` event, whoever sent it. Pure.

The site, an import and the frames of the pipeline all use these functions.
"""

import json
import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple, Self

from survey.counting_rules import CountingRules
from survey.links import normalise_ticket, person_of
from survey.rules import Answer
from survey.scale import parse_rating
from survey.teams import slugify_team
from survey.vocabulary import LONGEST_VALUE, Trust

SURVEY_SENT = "survey sent"
SURVEY_SHOWN = "survey shown"
TICKET_KEY = "ticketId"
PROOF_KEY = "link_proof"
# In characters: the longest tag that BCP 47 asks programs to read.
LONGEST_LANGUAGE = 35
_TRUST_WORDS = frozenset(trust.value for trust in Trust)


class PropertyKeys(NamedTuple):
    """The properties that an answer is read from. Rating and comment stand under the id of their
    question, or else under its place in the survey."""

    survey_id: str
    ticket: str
    rating: str
    rating_by_index: str
    comment: str
    comment_by_index: str
    team: str
    older_team: str
    trust: str
    proof: str
    language: str

    @classmethod
    def of(cls, rules: CountingRules) -> Self:
        """Return the properties by these rules, which know the ids of the questions."""
        return cls(
            survey_id="$survey_id",
            ticket=TICKET_KEY,
            rating=f"$survey_response_{rules.rating_question_id}",
            rating_by_index="$survey_response",
            comment=f"$survey_response_{rules.comment_question_id}",
            comment_by_index="$survey_response_1",
            team="team",
            older_team="ticketTeam",
            trust="link_trust",
            proof=PROOF_KEY,
            language="$survey_language",
        )


def read_answer(
    uuid: str,
    distinct_id: object,
    answered_at: datetime,
    properties: Mapping[str, Any],
    keys: PropertyKeys,
) -> Answer:
    """Return the answer that a `survey sent` event carries, also one that the predecessor sent. Its
    trust is what the event claims."""
    value = properties.get
    ticket_id = read_ticket(value(keys.ticket))
    return Answer(
        uuid=uuid,
        ticket_id=ticket_id,
        distinct_id=read_person(read_text(distinct_id), ticket_id),
        rating=read_rating(value(keys.rating), value(keys.rating_by_index)),
        comment=read_comment(value(keys.comment), value(keys.comment_by_index)),
        team=read_team(value(keys.team), value(keys.older_team)),
        answered_at=answered_at,
        trust=read_trust(value(keys.trust)),
        survey_id=read_text(value(keys.survey_id)),
        language=read_language(value(keys.language)),
    )


def rank_copy(distinct_id: object, properties: Mapping[str, Any]) -> tuple[str, str]:
    """Return what decides between copies of one event and one time: their properties, then the
    person. The greatest counts."""
    ticket_id = read_ticket(properties.get(TICKET_KEY))
    return canonical_json(properties), read_person(read_text(distinct_id), ticket_id)


def canonical_json(value: Any) -> str:
    """Return a value as JSON that is written in one way only."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return encodable(text)


def is_other_survey(survey_id: Any, rules: CountingRules) -> bool:
    """Return whether an event with this `$survey_id` belongs to another survey than the configured
    one."""
    return rules.survey_id is not None and read_text(survey_id) != rules.survey_id


def read_rating(by_id: Any, by_index: Any = None) -> int | None:
    """Return the rating, from the value under the key of the rating question or that of the first
    place in the survey."""
    return parse_rating(_first_given(by_id, by_index))


def read_comment(by_id: Any, by_index: Any = None) -> str | None:
    """Return the comment, from the value under the key of the comment question or that of the
    second place in the survey."""
    return read_text(_first_given(by_id, by_index))


def read_team(team: Any, older_name: Any = None) -> str:
    """Return the slug of the team, from what stands under `team` and under `ticketTeam`."""
    text = read_text(_first_given(team, older_name)) or ""
    return slugify_team(text if len(text) <= LONGEST_VALUE else None)


def read_trust(word: Any) -> Trust:
    """Return how far the link was known to come from us; `unverified` for any other value."""
    is_word = isinstance(word, str) and word in _TRUST_WORDS
    return Trust(word) if is_word else Trust.UNVERIFIED


def read_language(value: Any) -> str | None:
    """Return the language of the page, as an event names it; None for what names none."""
    text = read_text(value) if isinstance(value, str) else None
    return text if text and len(text) <= LONGEST_LANGUAGE else None


def read_ticket(value: Any) -> str | None:
    """Return a ticket as text, trimmed; 42, 42.0 and "42" are one."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        value = int(value) if value.is_integer() else value
    ticket = normalise_ticket(encodable(str(value)))
    return ticket if ticket and len(ticket) <= LONGEST_VALUE else None


def read_person(distinct_id: str | None, ticket_id: str | None) -> str:
    """Return who answered: the distinct_id, or a stand-in for the ticket where an event has
    none."""
    return person_of(distinct_id, ticket_id or "")


def read_text(value: Any) -> str | None:
    """Return a text as it stands, anything else as JSON, in characters that every file and database
    holds (`encodable`)."""
    if value is None:
        return None
    return encodable(value) if isinstance(value, str) else canonical_json(value)


def encodable(text: str) -> str:
    """Return the text with a question mark for half a character, which no file can hold, and U+FFFD
    for NUL, which PostgreSQL cannot hold."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\ufffd")


def _first_given(*values: Any) -> Any:
    """Return the first of these values that is neither null nor blank."""
    for value in values:
        if value is not None and not (isinstance(value, str) and not value.strip()):
            return value
    return None
