"""Everything that was ever received: the answers, and the copies of them that do not count."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, false, func, null, select, true
from sqlalchemy.orm import InstrumentedAttribute

from survey.store.models import AnswerCopyRow, AnswerRow, Origin

# How many rows are fetched at a time.
_AT_ONCE = 10_000


class ReceivedAnswer(NamedTuple):
    """An answer as it was received, or a copy of one; of a copy the language is not kept."""

    uuid: str
    ticket_id: str | None
    distinct_id: str
    rating: int | None
    comment: str | None
    team: str
    answered_at: datetime
    link_trust: str
    language: str | None
    is_duplicate: bool
    is_other_survey: bool


# The columns that an answer and a copy have in common, in the order of ReceivedAnswer.
_NAMES = ReceivedAnswer._fields[:-3]


def other_survey_condition(
    survey_id: str | None, answers: type[AnswerRow] = AnswerRow
) -> ColumnElement[bool]:
    """Return the condition that an answer belongs to another survey than the configured one. If
    none is configured, the condition is false.

    Answers of the site always belong to our survey; imported answers may belong to any.
    """
    if survey_id is None:
        return false()
    imported = answers.source == Origin.IMPORT.value
    return and_(imported, answers.survey_id.is_distinct_from(survey_id))


def all_received(connection: Connection, survey_id: str | None) -> Iterator[ReceivedAnswer]:
    """Yield everything received: answers in the order of receipt, then copies."""
    is_other_survey = other_survey_condition(survey_id)
    answers = select(*_columns(AnswerRow), AnswerRow.language, false(), is_other_survey)
    copies = select(*_columns(AnswerCopyRow), null(), true(), false())
    for rows in (answers.order_by(AnswerRow.id), copies.order_by(AnswerCopyRow.id)):
        for row in connection.execute(rows.execution_options(yield_per=_AT_ONCE)):
            yield ReceivedAnswer._make(row)


def count_received(connection: Connection) -> int:
    """Return how many answers were received, copies included."""
    answers = select(func.count()).select_from(AnswerRow).scalar_subquery()
    copies = select(func.count()).select_from(AnswerCopyRow).scalar_subquery()
    return connection.scalar(select(answers + copies)) or 0


def _columns(
    table: type[AnswerRow] | type[AnswerCopyRow],
) -> list[InstrumentedAttribute[Any]]:
    return [getattr(table, name) for name in _NAMES]
