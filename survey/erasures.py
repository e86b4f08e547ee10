"""What was erased, and what is left of an answer then. Pure.

Every door to answers applies the same erasures: the store to its rows, an import to the events that
it reads, a report over export files to what it shows. So no door brings a person back.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from survey.copies import ImportedAnswer
from survey.event_values import PropertyKeys, canonical_json, read_text
from survey.links import anonymous_person
from survey.pseudonyms import make_pseudonym, pseudonyms_of
from survey.rules import Answer

USER_KEY = "userId"
SUBMISSION_KEY = "$survey_submission_id"


@dataclass(frozen=True, kw_only=True)
class Erasures:
    """The persons and words that were erased, each with the time up to which.

    `persons` has pseudonyms, made under one of `secrets`; `tickets` are those whose comments were
    removed. All that is older than `forgotten_before` is without identity and words; its pseudonyms
    are made under `forgetting_secret`, the first of the secrets unless another one began.
    """

    secrets: tuple[str, ...] = field(default=(), repr=False)
    persons: Mapping[str, datetime] = field(default_factory=dict, repr=False)
    tickets: Mapping[str, datetime] = field(default_factory=dict)
    forgotten_before: datetime | None = None
    forgetting_secret: str | None = field(default=None, repr=False)

    def __bool__(self) -> bool:
        """Return whether anything was erased."""
        return bool(self.persons or self.tickets or self.forgotten_before)

    def find_pseudonym(self, distinct_id: str, at: datetime) -> str | None:
        """Return what stands for this person in an answer of this time; None if the person was not
        erased, or only before it.

        A person who was ever erased has that pseudonym in all that is forgotten, too: two of them
        would count as two persons.
        """
        erased = self.find_proof(distinct_id)
        if erased is not None and (at <= self.persons[erased] or self.forgets(at)):
            return erased
        if not self.forgets(at) or not self.secrets:
            return None
        return make_pseudonym(distinct_id, self.forgetting_secret or self.secrets[0])

    def find_proof(self, distinct_id: str) -> str | None:
        """Return the pseudonym under which a person was erased; None if nobody erased them."""
        pseudonyms = pseudonyms_of(distinct_id, self.secrets) if self.persons else []
        return next((each for each in pseudonyms if each in self.persons), None)

    def find_erased(self, distinct_id: str | None, at: datetime) -> str | None:
        """Return what stands for a person who was erased at this time or later; None for one who is
        forgotten at most."""
        erased = self.find_proof(distinct_id) if distinct_id else None
        return erased if erased is not None and at <= self.persons[erased] else None

    def forgets(self, at: datetime) -> bool:
        """Return whether all of this time is forgotten."""
        return self.forgotten_before is not None and at < self.forgotten_before

    def hides_words(self, answer: Answer, user_id: str | None = None) -> bool:
        """Return whether the words of an answer are gone: its person was erased, or the person whom
        its `userId` names, or the comments of its ticket were removed, or it is too old."""
        at = answer.answered_at
        redacted_at = self.tickets.get(answer.ticket_id or "")
        if self.forgets(at) or (redacted_at is not None and at <= redacted_at):
            return True
        persons = (answer.distinct_id, user_id)
        return any(each and self.find_pseudonym(each, at) is not None for each in persons)


def erase_imported(answer: ImportedAnswer, person: str, keys: PropertyKeys) -> ImportedAnswer:
    """Return an imported answer without words, as one of `person`. What counts stays."""
    submission_id = _parse(answer.properties).get(SUBMISSION_KEY)
    return replace(
        answer,
        distinct_id=person,
        comment=None,
        properties=reduce_properties(answer, keys, submission_id),
    )


def read_user(properties: str) -> str | None:
    """Return the person whom an event names in its properties besides its own; `properties` are
    canonical JSON."""
    return read_text(_parse(properties).get(USER_KEY))


def _parse(properties: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(properties)
    return found


def reduce_properties(answer: Answer, keys: PropertyKeys, submission_id: object) -> str:
    """Return the properties that stay of an event without identity and words, as canonical JSON:
    what counting needs, as it was read."""
    kept: dict[str, object] = {keys.team: answer.team}
    if answer.ticket_id is not None:
        kept[keys.ticket] = answer.ticket_id
    if answer.rating is not None:
        kept[keys.rating_by_index] = str(answer.rating)
    if answer.survey_id is not None:
        kept[keys.survey_id] = answer.survey_id
    if is_uuid(submission_id):
        kept[SUBMISSION_KEY] = submission_id
    return canonical_json(kept)


def is_uuid(value: object) -> bool:
    """Return whether a value is a uuid as a text, so that it holds no words."""
    try:
        return isinstance(value, str) and str(UUID(value)) == value.lower()
    except ValueError:
        return False


NOTHING_ERASED = Erasures()


def apply_erasures(
    answer: ImportedAnswer,
    erasures: Erasures,
    keys: PropertyKeys,
    at: datetime,
    stored_person: str | None = None,
) -> ImportedAnswer:
    """Return an imported answer as the erasures leave it: unchanged, or without words, and without
    identity if it is the person's own. `at` is the time of the import.

    `stored_person` is the person of the answer that is stored under the uuid. It may be a pseudonym
    under an older secret, and stays.
    """
    if not erasures.hides_words(answer, read_user(answer.properties)):
        return answer
    person = answer.distinct_id
    pseudonym = erasures.find_pseudonym(person, answer.answered_at)
    if pseudonym is not None and person != anonymous_person(answer.ticket_id or ""):
        known = pseudonyms_of(person, erasures.secrets)
        person = stored_person if stored_person and stored_person in known else pseudonym
    return replace(erase_imported(answer, person, keys), erased_at=at)
