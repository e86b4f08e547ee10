"""Reading and writing answers, and the responses derived from them."""

from collections.abc import Iterator
from datetime import datetime
from uuid import uuid4

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from survey.rules import Answer, Decision, Response, Rules, decide
from survey.store.models import AnswerRow, ResponseRow, Source, VoidRow
from survey.store.vocabulary import Trust


def answers_of(session: Session, ticket_id: str) -> list[Answer]:
    """All answers to a ticket, whatever became of them, in the order of their time."""
    rows = session.scalars(select(AnswerRow).where(AnswerRow.ticket_id == ticket_id))
    return sorted((_answer(row) for row in rows), key=lambda answer: answer.order)


def find_answer(session: Session, uuid: str) -> Answer | None:
    """The answer with this uuid."""
    row = session.scalar(select(AnswerRow).where(AnswerRow.uuid == uuid))
    return None if row is None else _answer(row)


def find_response(session: Session, ticket_id: str) -> ResponseRow | None:
    """The ticket's response; a void or test ticket has none."""
    return session.get(ResponseRow, ticket_id)


def add_answer(
    session: Session, answer: Answer, source: Source, initial_target_area: str | None = None
) -> None:
    """Append an answer; derive its ticket's response in the same transaction."""
    session.add(
        AnswerRow(
            uuid=answer.uuid,
            source=source,
            ticket_id=answer.ticket_id,
            distinct_id=answer.distinct_id,
            rating=answer.rating,
            comment=answer.comment,
            team=answer.team,
            answered_at=answer.answered_at,
            link_trust=answer.trust,
            initial_target_area=initial_target_area,
        )
    )
    session.flush()


def decide_ticket(session: Session, ticket_id: str, rules: Rules) -> Decision:
    """What the rules make of a ticket's stored answers."""
    void = session.get(VoidRow, ticket_id) is not None
    return decide(answers_of(session, ticket_id), rules, void=void)


def derive_response(session: Session, ticket_id: str, rules: Rules) -> Decision:
    """Bring the ticket's row in `responses` in line with its answers."""
    decision = decide_ticket(session, ticket_id, rules)
    row = session.get(ResponseRow, ticket_id)
    if decision.response is not None:
        if row is None:
            row = ResponseRow(ticket_id=ticket_id, submission_id=str(uuid4()))
            session.add(row)
        _fill(row, decision.response)
    elif row is not None:
        session.delete(row)
    session.flush()
    return decision


def count_responses(session: Session, opens_at: datetime, closes_at: datetime) -> int:
    """How many responses began in `[opens_at, closes_at)`: as many hedgehogs are owed."""
    began = ResponseRow.answered_at
    counted = select(func.count()).where(began >= opens_at, began < closes_at)
    return session.scalar(counted) or 0


def void_ticket(session: Session, ticket_id: str, reason: str, now: datetime) -> bool:
    """Put a ticket's answers out of every number; False if it was void already."""
    if session.get(VoidRow, ticket_id) is not None:
        return False
    session.add(VoidRow(ticket_id=ticket_id, reason=reason, voided_at=now))
    row = session.get(ResponseRow, ticket_id)
    if row is not None:
        session.delete(row)
    session.flush()
    return True


def find_void(session: Session, ticket_id: str) -> VoidRow | None:
    """When and why a ticket was made void."""
    return session.get(VoidRow, ticket_id)


def void_tickets(session: Session) -> frozenset[str]:
    """All void tickets, which no source counts."""
    return frozenset(session.scalars(select(VoidRow.ticket_id)))


def all_answers(session: Session) -> Iterator[tuple[object, ...]]:
    """Every stored answer as `(uuid, ticket_id, distinct_id, rating, comment, team,
    answered_at, link_trust)`, in the order of receipt."""
    columns = select(
        AnswerRow.uuid,
        AnswerRow.ticket_id,
        AnswerRow.distinct_id,
        AnswerRow.rating,
        AnswerRow.comment,
        AnswerRow.team,
        AnswerRow.answered_at,
        AnswerRow.link_trust,
    ).order_by(AnswerRow.id)
    for row in session.execute(columns.execution_options(yield_per=10_000)):
        yield tuple(row)


def _answer(row: AnswerRow) -> Answer:
    return Answer(
        uuid=row.uuid,
        ticket_id=row.ticket_id,
        distinct_id=row.distinct_id,
        rating=row.rating,
        comment=row.comment,
        team=row.team,
        answered_at=row.answered_at,
        trust=Trust(row.link_trust),
    )


def _fill(row: ResponseRow, response: Response) -> None:
    row.distinct_id = response.first.distinct_id
    row.team = response.first.team
    row.answered_at = response.first.answered_at
    row.link_trust = response.first.trust
    row.rating = response.latest.rating or 0
    row.comment = response.latest.comment
    row.changed_at = response.latest.answered_at
