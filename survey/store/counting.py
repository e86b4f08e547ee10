"""Counts that the database makes itself: of responses, and of the outcomes of answers.

They use the table `responses`, so they are right only if it was derived by the current settings.
All the counts of one report must be read in one transaction.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Select,
    and_,
    bindparam,
    case,
    false,
    func,
    select,
)

from survey.counting_rules import CountingRules, Derived
from survey.months import Month
from survey.pseudonyms import is_same_person
from survey.store.erasures import has_erasures, is_erased
from survey.store.models import AnswerCopyRow, AnswerRow, ResponseRow, VoidRow
from survey.store.received import other_survey_condition
from survey.store.responses import applied_rules, count_responses
from survey.vocabulary import Outcome, Trust

_OPENS_AT: BindParameter[datetime] = bindparam("opens_at")
_CLOSES_AT: BindParameter[datetime] = bindparam("closes_at")

# These statements read only an index that begins with the time.
_BEGAN = ResponseRow.answered_at
_FIRST = select(func.min(_BEGAN))
_FIRST_FROM = _FIRST.where(_BEGAN >= _OPENS_AT)
_VALUES = (ResponseRow.team, ResponseRow.rating, ResponseRow.link_trust, ResponseRow.language)
# Statements are built once: a report of a year runs some hundreds, and building one takes as long
# as running it.
_IN_PERIOD = (_BEGAN >= _OPENS_AT, _BEGAN < _CLOSES_AT)
_BY_VALUES = (
    select(*_VALUES, func.count(), func.count(ResponseRow.comment))
    .where(*_IN_PERIOD)
    .group_by(*_VALUES)
)

_SHOWN = (
    ResponseRow.ticket_id,
    ResponseRow.team,
    ResponseRow.rating,
    ResponseRow.comment,
    ResponseRow.answered_at,
    ResponseRow.link_trust,
    func.coalesce(ResponseRow.language, ""),
)
_COMMENTED = select(*_SHOWN).where(*_IN_PERIOD, ResponseRow.comment.is_not(None))

_SAME_TICKET = AnswerRow.ticket_id == ResponseRow.ticket_id
_ANSWERED = (AnswerRow.answered_at >= _OPENS_AT, AnswerRow.answered_at < _CLOSES_AT)
_IS_LATE = AnswerRow.answered_at > ResponseRow.changed_at

_COPIES = select(func.count()).where(
    AnswerCopyRow.answered_at >= _OPENS_AT, AnswerCopyRow.answered_at < _CLOSES_AT
)


class ResponsesOutdated(Exception):
    """The stored responses do not match the rules: the counts must be made from the answers."""


def require_current_responses(connection: Connection, rules: CountingRules) -> None:
    """Raise ResponsesOutdated if the responses were derived by other rules."""
    if applied_rules(connection) != rules.fingerprint(Derived.RESPONSES):
        raise ResponsesOutdated


def months_with_responses(connection: Connection, timezone: tzinfo) -> Iterator[Month]:
    """Yield the months in which responses began, in their order."""
    began = connection.scalar(_FIRST)
    while began is not None:
        month = Month.of(began, timezone)
        yield month
        began = connection.scalar(_FIRST_FROM, {"opens_at": month.closes_at(timezone)})


def count_by_values(
    connection: Connection, opens_at: datetime, closes_at: datetime
) -> list[tuple[Any, ...]]:
    """Return `(team, rating, link_trust, language, responses, responses with a comment)` of the
    responses that began in `[opens_at, closes_at)`.

    For days rather than for years: a day's groups stay in the processor's cache.
    """
    return _read_began(connection, _BY_VALUES, opens_at, closes_at)


@dataclass(frozen=True)
class ResponseFilter:
    """The values that responses must have; an empty list lets all through. A language None is one
    that is not known."""

    teams: Sequence[str] = ()
    ratings: Sequence[int] = ()
    trusts: Sequence[str] = ()
    languages: Sequence[str | None] = ()
    commented_only: bool = False

    def conditions(self) -> list[ColumnElement[bool]]:
        """Return the conditions of a statement over `responses`."""
        found: list[ColumnElement[bool]] = []
        if self.teams:
            found.append(ResponseRow.team.in_(self.teams))
        if self.ratings:
            found.append(ResponseRow.rating.in_(self.ratings))
        if self.trusts:
            found.append(ResponseRow.link_trust.in_(self.trusts))
        if self.languages:
            known = [each for each in self.languages if each is not None]
            is_unknown = ResponseRow.language.is_(None)
            is_known = ResponseRow.language.in_(known)
            found.append(is_known | is_unknown if None in self.languages else is_known)
        if self.commented_only:
            found.append(ResponseRow.comment.is_not(None))
        return found


def select_responses(
    connection: Connection,
    opens_at: datetime,
    closes_at: datetime,
    wanted: ResponseFilter,
    offset: int,
    limit: int,
) -> list[tuple[Any, ...]]:
    """Return the columns of `commented_responses` of the responses that began in
    `[opens_at, closes_at)` and have these values: the lowest ratings first, of equal ones the
    newest."""
    rows = (
        select(*_SHOWN)
        .where(*_IN_PERIOD, *wanted.conditions())
        .order_by(ResponseRow.rating, _BEGAN.desc(), ResponseRow.ticket_id)
        .offset(offset)
        .limit(limit)
    )
    return _read_began(connection, rows, opens_at, closes_at)


def commented_responses(
    connection: Connection, opens_at: datetime, closes_at: datetime
) -> list[tuple[Any, ...]]:
    """Return `(ticket_id, team, rating, comment, answered_at, link_trust, language)` of the
    responses with a comment that began in `[opens_at, closes_at)`; the language is blank if it is
    not known."""
    return _read_began(connection, _COMMENTED, opens_at, closes_at)


def _read_began(
    connection: Connection, rows: Select[*tuple[Any, ...]], opens_at: datetime, closes_at: datetime
) -> list[tuple[Any, ...]]:
    found = connection.execute(rows, {"opens_at": opens_at, "closes_at": closes_at})
    return [tuple(row) for row in found]


def count_outcomes(
    connection: Connection, opens_at: datetime, closes_at: datetime, rules: CountingRules
) -> dict[Outcome, int]:
    """Return how many answers given in `[opens_at, closes_at)` have each outcome, copies included.

    Raises ResponsesOutdated if the responses cannot have been derived from these answers.
    """
    bounds = {"opens_at": opens_at, "closes_at": closes_at}
    rows = connection.execute(_outcomes(rules), bounds)
    found = Counter({row.outcome: row.answers for row in rows})
    if has_erasures(connection):
        found = _unify(found, connection.execute(_partly_erased(rules), bounds), rules)
    responses = count_responses(connection, opens_at, closes_at)
    # Each response began with one of the answers that count; the other answers changed a response.
    edits = found.get(Outcome.EDIT.value, 0) - responses
    if None in found or edits < 0:
        raise ResponsesOutdated
    return {
        **{Outcome(word): answers for word, answers in found.items() if answers},
        Outcome.DUPLICATE: connection.scalar(_COPIES, bounds) or 0,
        Outcome.RESPONSE: responses,
        Outcome.EDIT: edits,
    }


def _unify(
    found: Counter[str | None], partly_erased: Iterable[Any], rules: CountingRules
) -> Counter[str | None]:
    """Return the outcomes with those answers counted that the database took for another person's:
    one of the two has a pseudonym."""
    unified = Counter(found)
    for row in partly_erased:
        if is_same_person(row.person, row.person_of_response, rules.secrets):
            outcome = Outcome.LATE_CHANGE if row.is_late else Outcome.EDIT
            unified[Outcome.OTHER_PERSON.value] -= row.answers
            unified[outcome.value] += row.answers
    return unified


@lru_cache(maxsize=8)
def _outcomes(rules: CountingRules) -> Select[*tuple[Any, ...]]:
    """Return the query for `(outcome, answers)` of a month's answers; all that count are `edit`."""
    outcome = _outcome(rules)
    return (
        select(outcome.label("outcome"), func.count().label("answers"))
        .join_from(AnswerRow, ResponseRow, _SAME_TICKET, isouter=True)
        .where(*_ANSWERED)
        .group_by("outcome")
    )


@lru_cache(maxsize=8)
def _partly_erased(rules: CountingRules) -> Select[*tuple[Any, ...]]:
    """Return the query for `(person, person_of_response, is_late, answers)` of a month's answers
    that look like another person's, where one of the two was erased."""
    columns = (
        AnswerRow.distinct_id.label("person"),
        ResponseRow.distinct_id.label("person_of_response"),
        _IS_LATE.label("is_late"),
    )
    return (
        select(*columns, func.count().label("answers"))
        .join_from(AnswerRow, ResponseRow, _SAME_TICKET)
        .where(
            *_ANSWERED,
            is_erased(AnswerRow.distinct_id) != is_erased(ResponseRow.distinct_id),
            _outcome(rules) == Outcome.OTHER_PERSON.value,
        )
        .group_by(*columns)
    )


def _outcome(rules: CountingRules) -> ColumnElement[str]:
    """Return the outcome of an answer beside the response of its ticket."""
    return case(
        (other_survey_condition(rules.survey_id), Outcome.OTHER_SURVEY.value),
        (AnswerRow.ticket_id.is_(None), Outcome.NO_TICKET.value),
        (AnswerRow.rating.is_(None), Outcome.INVALID_RATING.value),
        (AnswerRow.distinct_id.in_(rules.test_distinct_ids), Outcome.TEST.value),
        (AnswerRow.ticket_id.in_(select(VoidRow.ticket_id)), Outcome.VOID.value),
        (_unverified_condition(rules), Outcome.UNVERIFIED.value),
        (AnswerRow.distinct_id != ResponseRow.distinct_id, Outcome.OTHER_PERSON.value),
        # The person's last answer that came in time was the last to change the response.
        (_IS_LATE, Outcome.LATE_CHANGE.value),
        (ResponseRow.ticket_id.is_not(None), Outcome.EDIT.value),
    )


def _unverified_condition(rules: CountingRules) -> ColumnElement[bool]:
    """Return the condition that a valid answer belongs to a ticket without a response, as the
    unverified answers alone leave it. If all unverified answers count, the condition is false."""
    if rules.unverified_excluded_from is None:
        return false()
    return and_(
        ResponseRow.ticket_id.is_(None),
        AnswerRow.link_trust == Trust.UNVERIFIED.value,
        AnswerRow.answered_at >= rules.unverified_excluded_from,
    )
