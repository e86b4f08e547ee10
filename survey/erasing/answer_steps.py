"""Erases answers, copies of imported events, and the responses that are derived from them."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from survey.copies import ImportedAnswer
from survey.counting_rules import CountingRules
from survey.erasing.stand_in import find_stand_in
from survey.erasing.step import Changes, Row, Step, Work
from survey.erasing.target import Kind, Target
from survey.erasures import erase_imported, read_user
from survey.rules import decide
from survey.store.changes import note_instants
from survey.store.erasing import (
    Condition,
    Rows,
    concerns_answers,
    concerns_responses,
    find_keys,
    read_rows,
    write_rows,
)
from survey.store.models import (
    AnswerCopyRow,
    AnswerRow,
    Origin,
    ResponseRow,
)
from survey.store.responses import answers_of_tickets, find_responses, save_responses
from survey.store.voids import void_among
from survey.vocabulary import Trust


class AnswersStep(Step):
    """The answers, and with them the responses of their tickets."""

    def __init__(self) -> None:
        super().__init__(Kind.ANSWERS, AnswerRow.id)

    def condition(self, connection: Connection, target: Target) -> Condition:
        """Return the condition of the answers."""
        return concerns_answers(connection, AnswerRow, target)

    def change(self, row: Row, target: Target) -> dict[str, Any] | None:
        """Return the columns without identity, or without words alone."""
        erased = _erase_answer(row, target)
        if erased is None or (row["erased_at"] and erased.distinct_id == row["distinct_id"]):
            return None
        return {
            "distinct_id": erased.distinct_id,
            "comment": None,
            "initial_target_area": None,
            "properties": erased.properties if row["source"] == Origin.IMPORT else None,
            "erased_at": target.at,
        }

    def lock(self, connection: Connection, keys: Sequence[Any], work: Work) -> None:
        """Keep all others from adding answers to the same tickets."""
        rows = read_rows(connection, self.key, keys, lock=False)
        tickets = {row["ticket_id"] for row in rows.values() if row["ticket_id"] is not None}
        work.database.lock_tickets(connection, sorted(tickets))

    def follow(
        self, connection: Connection, rows: Rows, changes: Changes, work: Work
    ) -> Counter[Kind]:
        """Derive those responses again that began or ended with one of these answers."""
        note_instants(connection, [rows[key]["answered_at"] for key in changes])
        instants: dict[str, set[datetime]] = {}
        for row in (rows[key] for key in changes):
            if row["ticket_id"] is not None:
                instants.setdefault(row["ticket_id"], set()).add(row["answered_at"])
        responses = find_responses(connection, list(instants))
        tickets = [
            ticket_id
            for ticket_id, response in responses.items()
            if instants[ticket_id] & {response.answered_at, response.changed_at}
        ]
        return Counter({Kind.RESPONSES: _derive(connection, tickets, work.rules)})


class CopiesStep(Step):
    """The copies of imported events that do not count."""

    def __init__(self) -> None:
        super().__init__(Kind.COPIES, AnswerCopyRow.id)

    def condition(self, connection: Connection, target: Target) -> Condition:
        """Return the condition of the copies."""
        return concerns_answers(connection, AnswerCopyRow, target)

    def change(self, row: Row, target: Target) -> dict[str, Any] | None:
        """Return the columns without identity, or without words alone."""
        erased = _erase_answer({**row, "source": Origin.IMPORT, "language": None}, target)
        if erased is None or (row["erased_at"] and erased.distinct_id == row["distinct_id"]):
            return None
        return {
            "fingerprint": erased.fingerprint,
            "distinct_id": erased.distinct_id,
            "comment": None,
            "properties": erased.properties,
            "erased_at": target.at,
        }

    def write(self, connection: Connection, rows: Rows, changes: Changes) -> None:
        """Write the changes. Copies that differed in words alone stay as many as they were: the
        first keeps the fingerprint by which an import knows it."""
        given = [changed["fingerprint"] for changed in changes.values()]
        known = find_keys(
            connection, AnswerCopyRow.fingerprint, AnswerCopyRow.fingerprint.in_(given)
        )
        taken = set(known) - {rows[key]["fingerprint"] for key in changes}
        for key, changed in changes.items():
            if changed["fingerprint"] in taken:
                changed["fingerprint"] += f":{key}"
            taken.add(changed["fingerprint"])
        write_rows(connection, self.key, changes)

    def follow(
        self, connection: Connection, rows: Rows, changes: Changes, _work: Work
    ) -> Counter[Kind]:
        """Note the days of the copies."""
        note_instants(connection, [rows[key]["answered_at"] for key in changes])
        return Counter()


class ResponsesStep(Step):
    """The responses: their answers bring them along, unless they had been derived otherwise."""

    def __init__(self) -> None:
        super().__init__(Kind.RESPONSES, ResponseRow.ticket_id)

    def condition(self, _connection: Connection, target: Target) -> Condition:
        """Return the condition of the responses."""
        return concerns_responses(target)

    def change(self, _row: Row, _target: Target) -> dict[str, Any]:
        """Return no columns: each of these is derived again."""
        return {}

    def erase(self, connection: Connection, keys: Sequence[Any], work: Work) -> Counter[Kind]:
        """Derive the responses again."""
        work.database.lock_tickets(connection, sorted(keys))
        return Counter({self.kind: _derive(connection, keys, work.rules)})


def _erase_answer(row: Row, target: Target) -> ImportedAnswer | None:
    """Return an answer without what is to be erased of it; None if nothing is."""
    is_imported = row["source"] == Origin.IMPORT
    distinct_id, at = row["distinct_id"], row["answered_at"]
    answer = ImportedAnswer(
        uuid=row["uuid"],
        ticket_id=row["ticket_id"],
        distinct_id=target.resolve(distinct_id),
        rating=row["rating"],
        comment=row["comment"],
        team=row["team"],
        answered_at=at,
        trust=Trust(row["link_trust"]),
        survey_id=row["survey_id"],
        properties=row["properties"] if is_imported else "{}",
    )
    user_id = read_user(answer.properties)
    if not target.erasures.hides_words(answer, target.resolve(user_id) if user_id else None):
        return None
    person = find_stand_in(distinct_id, answer.ticket_id, at, target) or distinct_id
    return erase_imported(answer, person, target.keys)


def _derive(connection: Connection, tickets: Sequence[str], rules: CountingRules) -> int:
    """Derive the responses of these tickets again; return how many have changed."""
    if not tickets:
        return 0
    rules = rules.with_voids(void_among(connection, tickets))
    before = find_responses(connection, tickets)
    answers = answers_of_tickets(connection, tickets)
    decided = {ticket_id: decide(given, rules).response for ticket_id, given in answers.items()}
    save_responses(connection, decided)
    return sum(
        (stored.distinct_id, stored.comment) != (new.first.distinct_id, new.latest.comment)
        for ticket_id, new in decided.items()
        if new is not None and (stored := before.get(ticket_id)) is not None
    )
