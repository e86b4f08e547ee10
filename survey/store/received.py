"""Everything that was ever received: the answers, and the copies of them that do not count."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, case, false, func, null, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute

from survey.store.models import AnswerCopyRow, AnswerRow, Origin
from survey.vocabulary import TRUST_ORDER, Trust

# How many rows are fetched at a time.
_AT_ONCE = 10_000


class ReceivedAnswer(NamedTuple):
    """An answer as it was received, or a copy of one; of a copy the language is not kept.

    `claim` has the properties of an imported event that claims to be trusted, as canonical JSON:
    other secrets judge it otherwise. It is None where the trust is certain.
    """

    uuid: str
    ticket_id: str | None
    distinct_id: str
    rating: int | None
    comment: str | None
    team: str
    answered_at: datetime
    link_trust: str
    language: str | None
    claim: str | None
    is_duplicate: bool
    is_other_survey: bool


# The columns that an answer and a copy have in common, in the order of ReceivedAnswer.
_NAMES = ReceivedAnswer._fields[:-4]


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


def claiming_condition() -> ColumnElement[bool]:
    """Return the condition that the trust of an answer depends on secrets: its event claims more
    than `unverified`. An erased answer keeps its trust, because nothing can verify it any more."""
    # Properties are canonical JSON, so that a claim is written in one way only.
    claims = [AnswerRow.properties.contains(f'"link_trust":"{claim}"') for claim in TRUST_ORDER[1:]]
    return and_(
        AnswerRow.source == Origin.IMPORT.value,
        AnswerRow.erased_at.is_(None),
        AnswerRow.properties.is_not(None),
        or_(AnswerRow.link_trust != Trust.UNVERIFIED.value, *claims),
    )


def all_received(connection: Connection, survey_id: str | None) -> Iterator[ReceivedAnswer]:
    """Yield everything received: answers in the order of receipt, then copies."""
    is_other_survey = other_survey_condition(survey_id)
    claim = case((claiming_condition(), AnswerRow.properties))
    answers = select(*_columns(AnswerRow), AnswerRow.language, claim, false(), is_other_survey)
    copies = select(*_columns(AnswerCopyRow), null(), null(), true(), false())
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
