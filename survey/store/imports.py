"""Answers from another door: stored in short transactions, again and again without change."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sqlalchemy import BindParameter, Connection, Row, bindparam, func, insert, select, update

from survey.counting_rules import CountingRules
from survey.rules import Answer, Response, decide
from survey.store.copies import (
    ImportedAnswer,
    Sorted,
    StoredAnswer,
    find_contested,
    sort_arrivals,
)
from survey.store.database import Database
from survey.store.models import AnswerCopyRow, AnswerRow, Source
from survey.store.responses import (
    NewAnswer,
    add_answers,
    answer_columns,
    answers_of_tickets,
    read_answer,
    save_responses,
)
from survey.store.voids import void_among
from survey.vocabulary import Outcome

# Answers to a transaction. Customers wait for its locks, or for their turn to write: on two cores
# for 0.2 s at most.
ANSWERS_AT_ONCE = 1000

_UUIDS: BindParameter[str] = bindparam("uuids", expanding=True)
_STORED = select(AnswerRow).where(AnswerRow.uuid.in_(_UUIDS))
_TICKETS_OF_IMPORTED = select(AnswerRow.ticket_id).where(
    AnswerRow.uuid.in_(_UUIDS),
    AnswerRow.source == Source.IMPORT.value,
    AnswerRow.ticket_id.is_not(None),
)
_IMPORTED_SINCE = select(AnswerRow.uuid).where(
    AnswerRow.ticket_id.in_(bindparam("ticket_ids", expanding=True)),
    AnswerRow.source == Source.IMPORT.value,
    AnswerRow.id > bindparam("newest"),
)
_COPIES_ON_RECORD = select(AnswerCopyRow.fingerprint).where(
    AnswerCopyRow.fingerprint.in_(bindparam("fingerprints", expanding=True))
)
# What is kept of an event besides its uuid.
_KEPT = (
    "ticket_id",
    "distinct_id",
    "rating",
    "comment",
    "team",
    "answered_at",
    "link_trust",
    "survey_id",
    "said",
)
_REPLACE = (
    update(AnswerRow)
    .where(AnswerRow.id == bindparam("of_id"))
    .values({name: bindparam(name) for name in _KEPT})
)

_ByTicket = dict[str | None, list[Answer]]


class AnswerImport:
    """One run of an import, and what became of the answers that it brought.

    `received` is how many there were. Each of them is either `known`, because the site received
    it or an earlier import brought it, or a copy of another that counts instead (the outcome
    `duplicate`), or a new answer, in `outcomes` as it stands after the last `add`. Nothing here
    ever enters the outbox: PostHog has it.
    """

    def __init__(self, database: Database, rules: CountingRules) -> None:
        self._database = database
        self._rules = rules
        self.received = 0
        self.known = 0
        self.outcomes: Counter[Outcome] = Counter()
        with database.reading() as connection:
            self._newest = connection.scalar(select(func.max(AnswerRow.id))) or 0

    def add(self, answers: Sequence[ImportedAnswer]) -> None:
        """Store answers, ANSWERS_AT_ONCE in a transaction, and derive their tickets' responses.

        Each transaction happens wholly or not at all; the same answers, added again, change
        nothing. Raises StoreError.
        """
        for begin in range(0, len(answers), ANSWERS_AT_ONCE):
            self._add_some(answers[begin : begin + ANSWERS_AT_ONCE])

    def _add_some(self, answers: Sequence[ImportedAnswer]) -> None:
        with self._database.writing() as connection:
            self._lock(connection, answers)
            found = _sort(connection, answers)
            outcomes, responses = self._derive(connection, found)
            # Answers first, as the site does: two who lock in the same order never lock each other.
            _write(connection, found)
            if responses:
                save_responses(connection, responses)
        outcomes[Outcome.DUPLICATE] += len(found.copies)
        self.outcomes.update(outcomes)
        self.received += len(answers)
        self.known += len(answers) - len(found.new) - len(found.copies)

    def _lock(self, connection: Connection, answers: Sequence[ImportedAnswer]) -> None:
        """Nobody else changes these answers, or adds any to their tickets, before or after."""
        self._database.lock_imports(connection)
        uuids = [answer.uuid for answer in answers]
        tickets = {answer.ticket_id for answer in answers if answer.ticket_id is not None}
        tickets.update(connection.scalars(_TICKETS_OF_IMPORTED, {"uuids": uuids}))
        self._database.lock_tickets(connection, sorted(tickets))

    def _derive(
        self, connection: Connection, found: Sorted
    ) -> tuple[Counter[Outcome], dict[str, Response | None]]:
        """How many more or fewer of this run's answers will have each outcome, and the responses
        of all tickets that change; to be asked before anything is written."""
        before, after = _answers_by_ticket(connection, found)
        tickets = [ticket_id for ticket_id in after if ticket_id is not None]
        voids = void_among(connection, tickets) if tickets else frozenset()
        own_before = self._own_of(connection, tickets) if any(before.values()) else set()
        own_before |= {known.answer.uuid for known, _ in found.replacing if known.id > self._newest}
        own_after = own_before | {answer.uuid for answer in found.new}
        outcomes: Counter[Outcome] = Counter()
        responses: dict[str, Response | None] = {}
        for ticket_id, answers in after.items():
            void = ticket_id in voids
            if own_before:
                earlier = decide(before[ticket_id], self._rules, void=void).outcomes
                outcomes.subtract(earlier[uuid] for uuid in earlier if uuid in own_before)
            decision = decide(answers, self._rules, void=void)
            now = decision.outcomes
            outcomes.update(now[uuid] for uuid in now if uuid in own_after)
            if ticket_id is not None:
                responses[ticket_id] = decision.response
        return outcomes, responses

    def _own_of(self, connection: Connection, tickets: Sequence[str]) -> set[str]:
        """Which of the stored answers to these tickets came by this run."""
        values = {"ticket_ids": tickets, "newest": self._newest}
        return set(connection.scalars(_IMPORTED_SINCE, values))


def _sort(connection: Connection, answers: Sequence[ImportedAnswer]) -> Sorted:
    """What these answers come to, by what the store has."""
    uuids = [answer.uuid for answer in answers]
    stored = {row.uuid: _stored(row) for row in connection.execute(_STORED, {"uuids": uuids})}
    fingerprints = [answer.fingerprint for answer in find_contested(answers, stored)]
    on_record: frozenset[str] = frozenset()
    if fingerprints:
        values = {"fingerprints": fingerprints}
        on_record = frozenset(connection.scalars(_COPIES_ON_RECORD, values))
    return sort_arrivals(answers, stored, on_record)


def _stored(row: Row[*tuple[Any, ...]]) -> StoredAnswer:
    answer = read_answer(row)
    return StoredAnswer(row.id, ImportedAnswer(**vars(answer), said=row.said or ""))


def _answers_by_ticket(connection: Connection, found: Sorted) -> tuple[_ByTicket, _ByTicket]:
    """All answers to the tickets that change, as they are and as they will be.

    Those without a ticket stand under None, where they have nothing to do with each other: only
    those that change are there.
    """
    replaced = [known.answer for known, _ in found.replacing]
    arriving = [*found.new, *(answer for _, answer in found.replacing)]
    tickets = dict.fromkeys(answer.ticket_id for answer in [*replaced, *arriving])
    named = [ticket_id for ticket_id in tickets if ticket_id is not None]
    before: _ByTicket = {}
    if named:
        before.update(answers_of_tickets(connection, named))
    if None in tickets:
        before[None] = [answer for answer in replaced if answer.ticket_id is None]
    gone = {answer.uuid for answer in replaced}
    after: _ByTicket = {
        ticket_id: [answer for answer in answers if answer.uuid not in gone]
        for ticket_id, answers in before.items()
    }
    for answer in arriving:
        after[answer.ticket_id].append(answer)
    return before, after


def _write(connection: Connection, found: Sorted) -> None:
    """Write answers and copies, with one statement a table and kind."""
    add_answers(connection, [NewAnswer(each, Source.IMPORT, said=each.said) for each in found.new])
    if found.replacing:
        replaced = [{"of_id": known.id, **_columns(answer)} for known, answer in found.replacing]
        connection.execute(_REPLACE, replaced)
    if found.copies:
        copies = [
            {"fingerprint": each.fingerprint, "uuid": each.uuid, **_columns(each)}
            for each in found.copies
        ]
        connection.execute(insert(AnswerCopyRow), copies)


def _columns(answer: ImportedAnswer) -> dict[str, Any]:
    """All that is kept of an event besides its uuid."""
    columns = {**answer_columns(answer), "said": answer.said}
    return {name: columns[name] for name in _KEPT}
