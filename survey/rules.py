"""The rules of counting, for the answers of one ticket: which are one response, and why not. Pure.

`pipeline/rules.py` holds the same rules for whole frames; a property-based test keeps them equal.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from survey.counting_rules import CountingRules
from survey.pseudonyms import unify_persons
from survey.vocabulary import TRUST_ORDER, Outcome, Trust


@dataclass(frozen=True)
class Answer:
    """One submitted form. `distinct_id` is the person; where the link named nobody, a stand-in for
    the ticket.

    `language` is that of the page, None if it is not known.
    What our own site received, `is_from_site`, belongs to our survey, whatever its id is now; an
    event belongs to the one that it names.
    """

    uuid: str
    ticket_id: str | None
    distinct_id: str
    rating: int | None
    comment: str | None
    team: str
    answered_at: datetime
    trust: Trust = Trust.UNVERIFIED
    survey_id: str | None = None
    language: str | None = None
    is_from_site: bool = False

    @property
    def order(self) -> tuple[datetime, str]:
        """The key by which answers are sorted: the time, then the uuid."""
        return self.answered_at, self.uuid


@dataclass(frozen=True)
class Response:
    """The one response of a ticket: begun by the answer `first`, last changed by the answer
    `latest`."""

    first: Answer
    latest: Answer


@dataclass(frozen=True)
class Decision:
    """The response of a ticket, if there is one, and the outcome of each of its answers, by
    uuid."""

    response: Response | None
    outcomes: dict[str, Outcome]


def decide(answers: Iterable[Answer], rules: CountingRules) -> Decision:
    """Apply rules 2 to 7 of docs/rules.md to one ticket's answers, each uuid once."""
    ordered = sorted(answers, key=lambda answer: answer.order)
    reasons = {answer.uuid: _reason_not_valid(answer, rules) for answer in ordered}
    valid = [answer for answer in ordered if reasons[answer.uuid] is None]
    outcomes = {uuid: reason for uuid, reason in reasons.items() if reason is not None}
    if not valid:
        return Decision(None, outcomes)
    if _are_excluded(valid, rules):
        outcomes |= {answer.uuid: Outcome.UNVERIFIED for answer in valid}
        return Decision(None, outcomes)

    persons = unify_persons((answer.distinct_id for answer in valid), rules.secrets)
    first = _first_of_the_person(valid, persons)
    latest = first
    for answer in valid:
        if persons[answer.distinct_id] != persons[first.distinct_id]:
            outcomes[answer.uuid] = Outcome.OTHER_PERSON
        elif answer is first:
            outcomes[answer.uuid] = Outcome.RESPONSE
        elif answer.answered_at - first.answered_at <= rules.edit_window:
            outcomes[answer.uuid] = Outcome.EDIT
            latest = answer
        else:
            outcomes[answer.uuid] = Outcome.LATE_CHANGE
    return Decision(Response(first, latest), outcomes)


def time_of_receipt(earlier: Sequence[Answer], now: datetime) -> datetime:
    """Return the time at which an answer counts as received: `now`, or later, so that it is after
    every answer that the site received for the ticket; `earlier` is in order. If the clock was set
    back, a person's latest answer must not become the first. Times of imported answers are ignored,
    because they do not come from this clock."""
    latest = next((answer for answer in reversed(earlier) if answer.is_from_site), None)
    return now if latest is None else max(now, latest.answered_at + timedelta(microseconds=1))


def _reason_not_valid(answer: Answer, rules: CountingRules) -> Outcome | None:
    if _is_of_other_survey(answer, rules):
        return Outcome.OTHER_SURVEY
    if answer.ticket_id is None:
        return Outcome.NO_TICKET
    if answer.rating is None:
        return Outcome.INVALID_RATING
    if answer.distinct_id in rules.test_distinct_ids:
        return Outcome.TEST
    return Outcome.VOID if answer.ticket_id in rules.void_tickets else None


def _is_of_other_survey(answer: Answer, rules: CountingRules) -> bool:
    if rules.survey_id is None or answer.is_from_site:
        return False
    return answer.survey_id != rules.survey_id


def _are_excluded(valid: Sequence[Answer], rules: CountingRules) -> bool:
    """Return whether the ticket of these valid answers does not count, because nothing proves who
    gave them. If none is trusted more, the response would begin with the first of them."""
    since = rules.unverified_excluded_from
    return since is not None and all(
        answer.trust is Trust.UNVERIFIED and answer.answered_at >= since for answer in valid
    )


def _first_of_the_person(valid: Sequence[Answer], persons: Mapping[str, str]) -> Answer:
    """Return the first answer of the ticket's person, who is the first with the highest trust.
    `persons` says who each distinct_id is: an erased person has a pseudonym, too."""
    highest = max(TRUST_ORDER.index(answer.trust) for answer in valid)
    deciding = next(a for a in valid if TRUST_ORDER.index(a.trust) == highest)
    person = persons[deciding.distinct_id]
    return next(answer for answer in valid if persons[answer.distinct_id] == person)
