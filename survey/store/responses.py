"""Functions that read and write answers, and the responses derived from them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from types import MappingProxyType
from typing import Any
from uuid import uuid4

from sqlalchemy import (
    Connection,
    Row,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    select,
    text,
    update,
)

from survey.events import Questions
from survey.rules import Answer, Response
from survey.store.changes import note_beginnings, note_instants, note_tickets
from survey.store.database import Database
from survey.store.models import AnswerRow, AppliedRulesRow, Origin, ResponseRow, is_indexed
from survey.vocabulary import Trust

SELECT_ANSWER = select(
    AnswerRow.uuid,
    AnswerRow.ticket_id,
    AnswerRow.distinct_id,
    AnswerRow.rating,
    AnswerRow.comment,
    AnswerRow.team,
    AnswerRow.answered_at,
    AnswerRow.link_trust,
    AnswerRow.survey_id,
    AnswerRow.language,
    AnswerRow.source,
)
_ASKED = select(
    AnswerRow.rating_question,
    AnswerRow.comment_question,
    AnswerRow.language,
    AnswerRow.initial_target_area,
)
_ANSWERS_OF_TICKETS = SELECT_ANSWER.where(
    AnswerRow.ticket_id.in_(bindparam("ticket_ids", expanding=True))
)
# The rows are in the order of an index, so the database reads one row of it, however many there
# are. The limits are literals, because `Database.ask` gets no parameter but the ticket.
_ANY_ANSWER = (
    select(AnswerRow.ticket_id)
    .where(AnswerRow.ticket_id == bindparam("ticket_id"))
    .order_by(AnswerRow.source, AnswerRow.answered_at)
    .limit(literal_column("1"))
    .offset(literal_column("0"))
)
_ANY_ANSWER_OF_PERSON = (
    select(AnswerRow.ticket_id)
    .where(
        AnswerRow.ticket_id == bindparam("ticket_id"),
        AnswerRow.distinct_id == bindparam("person"),
        is_indexed(AnswerRow),
    )
    .limit(literal_column("1"))
    .offset(literal_column("0"))
)
# The rows are in the order of an index.
_NEXT_TICKETS = (
    select(AnswerRow.ticket_id)
    .where(AnswerRow.ticket_id > bindparam("after"))
    .order_by(AnswerRow.ticket_id)
    .limit(bindparam("answers"))
)
_RESPONSE_COLUMNS = (
    "distinct_id",
    "team",
    "rating",
    "comment",
    "link_trust",
    "answered_at",
    "changed_at",
    "language",
)
_RESPONSES_AMONG = select(ResponseRow.__table__).where(
    ResponseRow.ticket_id.in_(bindparam("ticket_ids", expanding=True))
)
_BEGINNING = select(ResponseRow.distinct_id, ResponseRow.answered_at).where(
    ResponseRow.ticket_id == bindparam("ticket_id")
)
_UPDATE_RESPONSE = (
    update(ResponseRow)
    .where(ResponseRow.ticket_id == bindparam("of_ticket"))
    .values({name: bindparam(name) for name in _RESPONSE_COLUMNS})
)
# Two processes may start at the same time with an empty store.
_SAVE_APPLIED_RULES = text(
    "INSERT INTO applied_rules (id, fingerprint) VALUES (1, :fingerprint)"
    " ON CONFLICT (id) DO UPDATE SET fingerprint = excluded.fingerprint"
)


def has_answer_of(database: Database, ticket_id: str, person: str) -> bool:
    """Return whether a person has answered a ticket before."""
    return database.ask(_ANY_ANSWER_OF_PERSON, ticket_id=ticket_id, person=person) is not None


def has_answers(database: Database, ticket_id: str) -> bool:
    """Return whether a ticket has any answer. Every opened link calls this, so it reads nothing
    else."""
    return database.ask(_ANY_ANSWER, ticket_id=ticket_id) is not None


def answers_of(connection: Connection, ticket_id: str) -> list[Answer]:
    """Return all answers to a ticket, whether they count or not, in the order of their time."""
    return answers_of_tickets(connection, [ticket_id])[ticket_id]


def answers_of_tickets(
    connection: Connection, ticket_ids: Sequence[str]
) -> dict[str, list[Answer]]:
    """Return all answers to each of these tickets, whether they count or not, in the order of
    their time."""
    rows = connection.execute(_ANSWERS_OF_TICKETS, {"ticket_ids": ticket_ids})
    return group_answers(ticket_ids, map(read_answer_row, rows))


def group_answers(ticket_ids: Sequence[str], answers: Iterable[Answer]) -> dict[str, list[Answer]]:
    """Return the answers by ticket, each ticket's in the order of their time. `ticket_ids` must
    name every ticket; a ticket without answers gets an empty list."""
    by_ticket: dict[str, list[Answer]] = {ticket_id: [] for ticket_id in ticket_ids}
    for answer in sorted(answers, key=lambda answer: answer.order):
        by_ticket[answer.ticket_id or ""].append(answer)
    return by_ticket


def find_answer(connection: Connection, uuid: str) -> Answer | None:
    """Return the answer with this uuid, or None."""
    row = connection.execute(SELECT_ANSWER.where(AnswerRow.uuid == uuid)).first()
    return None if row is None else read_answer_row(row)


@dataclass(frozen=True)
class Asked:
    """The parts of an answer's event besides the answer: the questions, and a value of the link."""

    questions: Questions
    initial_target_area: str | None = None


def find_asked(connection: Connection, uuid: str) -> Asked | None:
    """Return what the customer who gave an answer was asked; None for an imported answer."""
    row = connection.execute(_ASKED.where(AnswerRow.uuid == uuid)).first()
    if row is None or row.rating_question is None:
        return None
    questions = Questions(row.rating_question, row.comment_question, row.language)
    return Asked(questions, row.initial_target_area)


@dataclass(frozen=True)
class NewAnswer:
    """An answer to append, with its source. An answer of the site has `asked`; an imported answer
    has the `properties` of its event, and `erased_at` if identity and words were removed from it.
    """

    answer: Answer
    source: Origin
    asked: Asked | None = None
    properties: str | None = None
    erased_at: datetime | None = None


def add_answers(connection: Connection, new: Sequence[NewAnswer]) -> None:
    """Append answers. The caller must save the responses of their tickets in the same
    transaction."""
    if new:
        note_instants(connection, [each.answer.answered_at for each in new])
        connection.execute(insert(AnswerRow), [_answer_values(each) for each in new])


def _answer_values(new: NewAnswer) -> dict[str, Any]:
    asked = new.asked
    questions = asked.questions if asked else None
    return {
        **answer_columns(new.answer),
        "source": new.source.value,
        # What the site received belongs to our survey, whatever its id is now.
        "survey_id": new.answer.survey_id if new.source is Origin.IMPORT else None,
        "properties": new.properties,
        "erased_at": new.erased_at,
        "initial_target_area": asked.initial_target_area if asked else None,
        "rating_question": questions.rating if questions else None,
        "comment_question": questions.comment if questions else None,
    }


def answer_columns(answer: Answer) -> dict[str, Any]:
    """Return an answer as values of the columns that `answers` and `answer_copies` have in
    common."""
    return {
        "uuid": answer.uuid,
        "ticket_id": answer.ticket_id,
        "distinct_id": answer.distinct_id,
        "rating": answer.rating,
        "comment": answer.comment,
        "team": answer.team,
        "answered_at": answer.answered_at,
        "link_trust": answer.trust.value,
        "survey_id": answer.survey_id,
        "language": answer.language,
    }


def add_responses(
    connection: Connection,
    responses: Mapping[str, Response],
    known_ids: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, str]:
    """Insert the responses of tickets that have no row; return the submission id of each. It is
    the one in `known_ids`, if the ticket had a response before, or else a new one.

    The caller must note the tickets whose earlier answers have other outcomes now."""
    submission_ids = {
        ticket_id: known_ids.get(ticket_id) or str(uuid4()) for ticket_id in responses
    }
    if responses:
        begun = [each.first.answered_at for each in responses.values()]
        note_instants(connection, begun)
        note_beginnings(connection, responses)
        connection.execute(
            insert(ResponseRow),
            [
                {
                    "ticket_id": ticket_id,
                    "submission_id": submission_ids[ticket_id],
                    **_response_values(response),
                }
                for ticket_id, response in responses.items()
            ],
        )
    return submission_ids


def save_response(connection: Connection, ticket_id: str, response: Response) -> str:
    """Write the response that the rules derived from a ticket's answers to the ticket's row.

    Return the submission id, which stays the same as long as there is a response.
    """
    begun = connection.execute(_BEGINNING, {"ticket_id": ticket_id}).first()
    if begun:
        _note_changes(connection, {ticket_id: (begun, response)})
    else:
        # Answers that were left out as unverified may count now.
        note_tickets(connection, [ticket_id])
    changed = update(ResponseRow).where(ResponseRow.ticket_id == ticket_id)
    changed = changed.values(_response_values(response))
    known = connection.scalar(changed.returning(ResponseRow.submission_id))
    if known is not None:
        return str(known)
    return add_responses(connection, {ticket_id: response})[ticket_id]


def save_responses(connection: Connection, responses: Mapping[str, Response | None]) -> None:
    """Write the responses that the rules derived from these tickets' answers to their rows.

    Use one statement for all new responses, one for all changed ones, and one for all tickets
    that have no response any more. Do not write unchanged responses. Submission ids stay.
    """
    rows = {
        row.ticket_id: row
        for row in connection.execute(_RESPONSES_AMONG, {"ticket_ids": list(responses)})
    }
    stored = {
        ticket_id: {name: getattr(row, name) for name in _RESPONSE_COLUMNS}
        for ticket_id, row in rows.items()
    }
    given = {ticket_id: each for ticket_id, each in responses.items() if each is not None}
    new = {t: each for t, each in given.items() if t not in stored}
    # Answers that were left out as unverified may count now.
    note_tickets(connection, list(new))
    add_responses(connection, new)
    values = {t: _response_values(each) for t, each in given.items() if t in stored}
    changed = [{"of_ticket": t, **each} for t, each in values.items() if each != stored[t]]
    gone = [ticket_id for ticket_id in stored if responses[ticket_id] is None]
    touched = [*gone, *(str(each["of_ticket"]) for each in changed)]
    _note_changes(connection, {ticket: (rows[ticket], responses[ticket]) for ticket in touched})
    if changed:
        connection.execute(_UPDATE_RESPONSE, changed)
    if gone:
        connection.execute(delete(ResponseRow).where(ResponseRow.ticket_id.in_(gone)))


def _note_changes(
    connection: Connection, changes: Mapping[str, tuple[Any, Response | None]]
) -> None:
    """Note what changes with the responses of these tickets: each as it is stored, a row with
    `distinct_id` and `answered_at`, and as it will be.

    As long as a response begins with the same answer, all answers keep their outcomes, and only
    what is counted of its first day changes. A ticket may have very many answers.
    """
    other_beginning = [
        ticket_id
        for ticket_id, (stored, response) in changes.items()
        if response is None
        or (stored.distinct_id, stored.answered_at)
        != (response.first.distinct_id, response.first.answered_at)
    ]
    note_tickets(connection, other_beginning)
    note_instants(connection, [stored.answered_at for stored, _ in changes.values()])


def _response_values(response: Response) -> dict[str, Any]:
    return {
        "distinct_id": response.first.distinct_id,
        "team": response.first.team,
        "rating": response.latest.rating,
        "comment": response.latest.comment,
        "link_trust": response.latest.trust.value,
        "answered_at": response.first.answered_at,
        "changed_at": response.latest.answered_at,
        "language": response.latest.language,
    }


def remove_response(connection: Connection, ticket_id: str) -> None:
    """Delete a ticket's row: a ticket whose answers all count nowhere has none."""
    note_tickets(connection, [ticket_id])
    connection.execute(delete(ResponseRow).where(ResponseRow.ticket_id == ticket_id))


def applied_rules(connection: Connection) -> str | None:
    """Return the fingerprint of the rules by which the responses were derived; None in a new store,
    and a text that is no fingerprint while responses are being derived."""
    return connection.scalar(select(AppliedRulesRow.fingerprint))


def save_applied_rules(connection: Connection, fingerprint: str) -> None:
    """Store the fingerprint of the settings by which the responses were derived."""
    connection.execute(_SAVE_APPLIED_RULES, {"fingerprint": fingerprint})


def replace_applied_rules(connection: Connection, known: str, fingerprint: str) -> bool:
    """Replace the stored fingerprint if it is still `known`; return whether it was."""
    replaced = update(AppliedRulesRow).where(AppliedRulesRow.fingerprint == known)
    return connection.execute(replaced.values(fingerprint=fingerprint)).rowcount == 1


def find_response(connection: Connection, ticket_id: str) -> ResponseRow | None:
    """Return the ticket's response, or None; a void or test ticket has none."""
    columns = ResponseRow.__table__.select().where(ResponseRow.ticket_id == ticket_id)
    row = connection.execute(columns).first()
    return None if row is None else ResponseRow(**row._mapping)


def find_responses(connection: Connection, ticket_ids: Sequence[str]) -> dict[str, ResponseRow]:
    """Return the responses of those of these tickets that have one."""
    rows = connection.execute(_RESPONSES_AMONG, {"ticket_ids": ticket_ids})
    return {row.ticket_id: ResponseRow(**row._mapping) for row in rows}


def count_responses(connection: Connection, opens_at: datetime, closes_at: datetime) -> int:
    """Return how many responses began in `[opens_at, closes_at)`. One hedgehog is owed for each."""
    began = ResponseRow.answered_at
    counted = select(func.count()).where(began >= opens_at, began < closes_at)
    return connection.scalar(counted) or 0


def count_all_responses(connection: Connection) -> int:
    """Return how many responses there are."""
    return connection.scalar(select(func.count()).select_from(ResponseRow)) or 0


def count_responses_before(connection: Connection, opens_at: datetime) -> int:
    """Return how many responses began before `opens_at`."""
    counted = select(func.count()).where(ResponseRow.answered_at < opens_at)
    return connection.scalar(counted) or 0


def count_responses_until(connection: Connection, opens_at: datetime, last: ResponseRow) -> int:
    """Return the number of `last` among the responses that began from `opens_at` on: 1 for the
    first."""
    began = ResponseRow.answered_at
    before = select(func.count()).where(began >= opens_at, began < last.answered_at)
    # Two responses of the same microsecond are rare. One query for both counts would read every
    # earlier row.
    beside = select(func.count()).where(
        began == last.answered_at, ResponseRow.ticket_id <= last.ticket_id
    )
    return (connection.scalar(before) or 0) + (connection.scalar(beside) or 0)


def first_response_at(connection: Connection) -> datetime | None:
    """Return when the oldest response began; None if there is no response."""
    return connection.scalar(select(func.min(ResponseRow.answered_at)))


def read_answer_row(row: Row[*tuple[Any, ...]]) -> Answer:
    """Return the answer in a row, which has at least the columns of `SELECT_ANSWER`."""
    return Answer(
        uuid=row.uuid,
        ticket_id=row.ticket_id,
        distinct_id=row.distinct_id,
        rating=row.rating,
        comment=row.comment,
        team=row.team,
        answered_at=row.answered_at,
        trust=Trust(row.link_trust),
        survey_id=row.survey_id,
        language=row.language,
        is_from_site=row.source == Origin.SITE,
    )


def next_tickets(connection: Connection, after: str, answers: int) -> list[str]:
    """Return the tickets after `after`, each once, in their order; read at most `answers` answers
    to find them."""
    values = {"after": after, "answers": answers}
    return [str(ticket) for ticket, _ in groupby(connection.scalars(_NEXT_TICKETS, values))]
