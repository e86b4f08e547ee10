"""Counts that the database makes itself: of responses, and of the outcomes of answers.

They use the table `responses`, so they are right only if it was derived by the current settings.
All the counts of one report must be read in one transaction.
"""

from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import Any

from sqlalchemy import BindParameter, Connection, Select, bindparam, case, func, select

from survey.counting_rules import CountingRules, Derived
from survey.months import Month
from survey.store.models import AnswerCopyRow, AnswerRow, ResponseRow, VoidRow
from survey.store.received import other_survey_condition
from survey.store.responses import applied_rules, count_responses
from survey.vocabulary import Outcome

_OPENS_AT: BindParameter[datetime] = bindparam("opens_at")
_CLOSES_AT: BindParameter[datetime] = bindparam("closes_at")

# These statements read only an index that begins with the time.
_BEGAN = ResponseRow.answered_at
_FIRST = select(func.min(_BEGAN))
_FIRST_FROM = _FIRST.where(_BEGAN >= _OPENS_AT)
_RATED = select(ResponseRow.team, ResponseRow.rating, func.count()).group_by(
    ResponseRow.team, ResponseRow.rating
)
_WITH_COMMENT = (
    select(ResponseRow.team, func.count())
    .where(ResponseRow.comment.is_not(None))
    .group_by(ResponseRow.team)
)

_COMMENTED = select(
    ResponseRow.ticket_id,
    ResponseRow.team,
    ResponseRow.rating,
    ResponseRow.comment,
    ResponseRow.answered_at,
    ResponseRow.link_trust,
    func.coalesce(ResponseRow.language, ""),
).where(ResponseRow.comment.is_not(None))

_COPIES = select(func.count()).where(
    AnswerCopyRow.answered_at >= _OPENS_AT, AnswerCopyRow.answered_at < _CLOSES_AT
)


class ResponsesOutdated(Exception):
    """The stored responses do not match the rules: the counts must be made from the answers."""


def require_current_responses(connection: Connection, rules: CountingRules) -> None:
    """Raise ResponsesOutdated if the responses were derived by other rules."""
    if applied_rules(connection) != rules.fingerprint(Derived.RESPONSES):
        raise ResponsesOutdated


def months_with_responses(
    connection: Connection, timezone: tzinfo, since: Month | None = None, last: Month | None = None
) -> Iterator[Month]:
    """Yield the months in which responses began, in their order; from `since` to `last`, if
    given."""
    if since is None:
        began = connection.scalar(_FIRST)
    else:
        began = connection.scalar(_FIRST_FROM, {"opens_at": since.opens_at(timezone)})
    while began is not None:
        month = Month.of(began, timezone)
        if last is not None and month > last:
            return
        yield month
        began = connection.scalar(_FIRST_FROM, {"opens_at": month.closes_at(timezone)})


def count_ratings(
    connection: Connection, opens_at: datetime, closes_at: datetime
) -> list[tuple[Any, ...]]:
    """Return `(team, rating, responses)` of the responses that began in `[opens_at, closes_at)`."""
    return _read_began(connection, _RATED, opens_at, closes_at)


def count_comments(
    connection: Connection, opens_at: datetime, closes_at: datetime
) -> list[tuple[Any, ...]]:
    """Return `(team, responses with a comment)` of those that began in `[opens_at, closes_at)`."""
    return _read_began(connection, _WITH_COMMENT, opens_at, closes_at)


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
    of_month = rows.where(_BEGAN >= _OPENS_AT, _BEGAN < _CLOSES_AT)
    found = connection.execute(of_month, {"opens_at": opens_at, "closes_at": closes_at})
    return [tuple(row) for row in found]


def count_outcomes(
    connection: Connection, opens_at: datetime, closes_at: datetime, rules: CountingRules
) -> dict[Outcome, int]:
    """Return how many answers given in `[opens_at, closes_at)` have each outcome, copies included.

    Raises ResponsesOutdated if the responses cannot have been derived from these answers.
    """
    bounds = {"opens_at": opens_at, "closes_at": closes_at}
    rows = connection.execute(_outcomes(rules), bounds)
    found = {row.outcome: row.answers for row in rows}
    responses = count_responses(connection, opens_at, closes_at)
    # Each response began with one of the answers that count; the other answers changed a response.
    edits = found.get(Outcome.EDIT.value, 0) - responses
    if None in found or edits < 0:
        raise ResponsesOutdated
    return {
        **{Outcome(word): answers for word, answers in found.items()},
        Outcome.DUPLICATE: connection.scalar(_COPIES, bounds) or 0,
        Outcome.RESPONSE: responses,
        Outcome.EDIT: edits,
    }


def _outcomes(rules: CountingRules) -> Select[*tuple[Any, ...]]:
    """Return the query for `(outcome, answers)` of a month's answers; all that count are `edit`."""
    outcome = case(
        (other_survey_condition(rules.survey_id), Outcome.OTHER_SURVEY.value),
        (AnswerRow.ticket_id.is_(None), Outcome.NO_TICKET.value),
        (AnswerRow.rating.is_(None), Outcome.INVALID_RATING.value),
        (AnswerRow.distinct_id.in_(rules.test_distinct_ids), Outcome.TEST.value),
        (AnswerRow.ticket_id.in_(select(VoidRow.ticket_id)), Outcome.VOID.value),
        (AnswerRow.distinct_id != ResponseRow.distinct_id, Outcome.OTHER_PERSON.value),
        # The person's last answer that came in time was the last to change the response.
        (AnswerRow.answered_at > ResponseRow.changed_at, Outcome.LATE_CHANGE.value),
        (ResponseRow.ticket_id.is_not(None), Outcome.EDIT.value),
    )
    same_ticket = AnswerRow.ticket_id == ResponseRow.ticket_id
    return (
        select(outcome.label("outcome"), func.count().label("answers"))
        .join_from(AnswerRow, ResponseRow, same_ticket, isouter=True)
        .where(AnswerRow.answered_at >= _OPENS_AT, AnswerRow.answered_at < _CLOSES_AT)
        .group_by("outcome")
    )
