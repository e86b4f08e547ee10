"""The steps of an erasure: for each table, what changes in a row, and how it is written.

Each step is done in short transactions, a few rows in each. What is left is found again by the
same conditions, so that an erasure that was broken off goes on when it is started again.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import Connection
from sqlalchemy.orm import InstrumentedAttribute

from survey.copies import ImportedAnswer
from survey.counting_rules import CountingRules
from survey.erasing.events import erase_event
from survey.erasing.target import Kind, Target
from survey.erasing.words import ERASED, hide_person, names_person
from survey.erasures import USER_KEY, erase_imported, read_user
from survey.invitations.payload import InvitationPayload
from survey.links import anonymous_person
from survey.outbox_payloads import pack_event, unpack_event
from survey.rules import Answer, decide
from survey.store.changes import note_instants
from survey.store.database import Database
from survey.store.erasing import (
    Condition,
    Rows,
    Texts,
    concerns_answers,
    concerns_events,
    concerns_invitations,
    concerns_reasons,
    concerns_refusals,
    concerns_responses,
    concerns_texts,
    concerns_tickets,
    concerns_waiting_invitations,
    find_keys,
    forget_customers,
    read_rows,
    remove_rows,
    write_rows,
)
from survey.store.inviting import save_outcome
from survey.store.models import (
    AnswerCopyRow,
    AnswerRow,
    AuditRow,
    InvitationRow,
    MarkRow,
    Origin,
    OutboxRow,
    ResponseRow,
    TicketRow,
    VoidChangeRow,
    VoidRow,
)
from survey.store.responses import answers_of_tickets, find_responses, save_responses
from survey.store.voids import void_among
from survey.vocabulary import InvitationOutcome, Trust

Row = Mapping[str, Any]
Changes = dict[Any, dict[str, Any]]


@dataclass(frozen=True)
class Work:
    """What a step works with: the store, what is to be erased, and the rules of counting."""

    database: Database
    target: Target
    rules: CountingRules


class Step(ABC):
    """A step: the rows of a table, found by `condition`, of which `change` says what changes."""

    # Whether others may be changing these rows; those that they are changing are left for later.
    locks_rows: ClassVar[bool] = False

    def __init__(self, kind: Kind, key: InstrumentedAttribute[Any]) -> None:
        self.kind = kind
        # The column of the table by which its rows are found.
        self.key = key

    @abstractmethod
    def condition(self, connection: Connection, target: Target) -> Condition:
        """Return the condition of the rows that the step is about."""

    @abstractmethod
    def change(self, row: Row, target: Target) -> dict[str, Any] | None:
        """Return the columns of a row that change; None if nothing is to be erased of it."""

    def find(self, connection: Connection, target: Target) -> list[Any]:
        """Return the keys of the rows that may have to change."""
        return find_keys(connection, self.key, self.condition(connection, target))

    def count(self, connection: Connection, keys: Sequence[Any], target: Target) -> int:
        """Return how many of these rows have to change."""
        rows = read_rows(connection, self.key, keys, lock=False)
        return len(self._find_changes(rows, target))

    def erase(self, connection: Connection, keys: Sequence[Any], work: Work) -> Counter[Kind]:
        """Change those of these rows that have to change, in a writing transaction; return how many
        of each kind were changed."""
        self.lock(connection, keys, work)
        rows = read_rows(connection, self.key, keys, lock=self.locks_rows)
        changes = self._find_changes(rows, work.target)
        self.write(connection, rows, changes)
        return Counter({self.kind: len(changes)}) + self.follow(connection, rows, changes, work)

    def lock(self, _connection: Connection, _keys: Sequence[Any], _work: Work) -> None:
        """Keep others from changing these rows. Every erasure keeps others from erasing anyway."""
        return

    def write(self, connection: Connection, _rows: Rows, changes: Changes) -> None:
        """Write the changes."""
        write_rows(connection, self.key, changes)

    def follow(
        self, _connection: Connection, _rows: Rows, _changes: Changes, _work: Work
    ) -> Counter[Kind]:
        """Change what follows from the changes; return how many of each other kind."""
        return Counter()

    def _find_changes(self, rows: Rows, target: Target) -> Changes:
        found = ((key, self.change(row, target)) for key, row in rows.items())
        return {key: changed for key, changed in found if changed is not None}


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


class EventsStep(Step):
    """The events in the outbox, waiting, delivered or refused."""

    locks_rows = True

    def __init__(self, kind: Kind, origin: Texts) -> None:
        super().__init__(kind, OutboxRow.id)
        self._origin = origin

    def condition(self, connection: Connection, target: Target) -> Condition:
        """Return the condition of the events."""
        return concerns_events(connection, self._origin, target)

    def change(self, row: Row, target: Target) -> dict[str, Any] | None:
        """Return the payload without identity, or without words alone."""
        event = unpack_event(row["payload"])
        properties, at = event["properties"], datetime.fromisoformat(event["timestamp"])
        person, user = event["distinct_id"], properties.get(USER_KEY)
        ticket_id = properties["ticketId"]
        answer = Answer(event["uuid"], ticket_id, target.resolve(person), None, None, "", at)
        if not target.erasures.hides_words(answer, target.resolve(user) if user else None):
            return None
        pseudonym = _find_stand_in(person, ticket_id, at, target)
        erased = erase_event(event, pseudonym, target.proof_secret)
        return None if erased == event else {"payload": pack_event(erased)}


class RefusalsStep(Step):
    """The words of receivers that refused something: they may repeat it."""

    locks_rows = True

    def __init__(self) -> None:
        super().__init__(Kind.REFUSALS, OutboxRow.id)

    def condition(self, connection: Connection, target: Target) -> Condition:
        """Return the condition of the rows that were refused."""
        return concerns_refusals(connection, target)

    def change(self, _row: Row, _target: Target) -> dict[str, Any]:
        """Return no words; our own reason stays."""
        return {"error_message": None}


class TicketsStep(Step):
    """The tickets of the help desk."""

    def __init__(self) -> None:
        super().__init__(Kind.TICKETS, TicketRow.ticket_id)

    def condition(self, _connection: Connection, target: Target) -> Condition:
        """Return the condition of the tickets."""
        return concerns_tickets(target)

    def change(self, row: Row, target: Target) -> dict[str, Any] | None:
        """Return the columns without the requester, for whom a pseudonym stands."""
        external_id = row["requester_external_id"]
        at = row["updated_at"] if target.before else _opened_at(row)
        if not target.covers(at):
            return None
        pseudonym = target.find_pseudonym(external_id, at)
        if pseudonym is None and external_id is None and target.person is not None:
            pseudonym = target.person.pseudonym
        kept = {
            "requester_external_id": pseudonym or external_id,
            "requester_email": None,
            "customer": None,
        }
        return None if all(row[name] == value for name, value in kept.items()) else kept

    def lock(self, connection: Connection, keys: Sequence[Any], work: Work) -> None:
        """Keep all others from changing the tickets."""
        work.database.lock_invitations(connection)
        work.database.lock_tickets(connection, sorted(keys))


class WaitingInvitationsStep(Step):
    """The invitations that were not sent: nobody is asked any more."""

    locks_rows = True

    def __init__(self) -> None:
        super().__init__(Kind.WAITING_INVITATIONS, OutboxRow.id)

    def condition(self, connection: Connection, target: Target) -> Condition:
        """Return the condition of the invitations."""
        return concerns_waiting_invitations(connection, target)

    def change(self, row: Row, target: Target) -> dict[str, Any] | None:
        """Return no columns: the row goes."""
        if not target.covers(row["created_at"]):
            return None
        if target.person is None:
            return {}
        payload = InvitationPayload.parse(row["payload"])
        mail = target.person.distinct_id.strip().lower()
        named = payload.external_id in target.person.names or payload.recipient.lower() == mail
        return {} if named or payload.customer in target.person.customers else None

    def lock(self, connection: Connection, _keys: Sequence[Any], work: Work) -> None:
        """Keep all others from deciding who is asked."""
        work.database.lock_invitations(connection)

    def write(self, connection: Connection, _rows: Rows, changes: Changes) -> None:
        """Delete the rows."""
        remove_rows(connection, self.key, list(changes))

    def follow(
        self, connection: Connection, rows: Rows, changes: Changes, work: Work
    ) -> Counter[Kind]:
        """Keep why nobody was asked, and no customer."""
        tickets = [rows[key]["ticket_id"] for key in changes]
        for ticket_id in tickets:
            outcome = InvitationOutcome.NO_ADDRESS
            save_outcome(connection, ticket_id, outcome, work.target.at)
        return Counter({Kind.INVITATIONS: forget_customers(connection, tickets)})


class InvitationsStep(Step):
    """The decisions who is asked."""

    def __init__(self) -> None:
        super().__init__(Kind.INVITATIONS, InvitationRow.ticket_id)

    def condition(self, _connection: Connection, target: Target) -> Condition:
        """Return the condition of the decisions."""
        return concerns_invitations(target)

    def change(self, row: Row, target: Target) -> dict[str, Any] | None:
        """Return no customer."""
        at = row["asked_at"] or row["decided_at"]
        return {"customer": None} if target.covers(at) else None

    def lock(self, connection: Connection, _keys: Sequence[Any], work: Work) -> None:
        """Keep all others from deciding who is asked."""
        work.database.lock_invitations(connection)


class ReasonsStep(Step):
    """The reasons why tickets were made void, or count again."""

    def __init__(self, table: type[VoidRow] | type[VoidChangeRow]) -> None:
        super().__init__(Kind.REASONS, VoidRow.ticket_id if table is VoidRow else VoidChangeRow.id)
        self._table = table

    def condition(self, connection: Connection, target: Target) -> Condition:
        """Return the condition of the reasons."""
        return concerns_reasons(connection, self._table, target)

    def change(self, row: Row, target: Target) -> dict[str, Any] | None:
        """Return no reason."""
        at = row["voided_at"] if self._table is VoidRow else row["changed_at"]
        return {"reason": ERASED} if target.covers(at) else None


class TextsStep(Step):
    """What users wrote, or did, with the name of a person in it."""

    def __init__(
        self, kind: Kind, key: InstrumentedAttribute[int], texts: InstrumentedAttribute[str]
    ) -> None:
        super().__init__(kind, key)
        self._texts = texts

    def condition(self, connection: Connection, target: Target) -> Condition:
        """Return the condition of the texts."""
        return concerns_texts(connection, self._texts, target)

    def change(self, row: Row, target: Target) -> dict[str, Any] | None:
        """Return the text without the name."""
        text = row[self._texts.key]
        if target.person is None or not names_person(text, target.person.distinct_id):
            return None
        return {self._texts.key: hide_person(text, target.person.distinct_id)}


# Events come first: a worker may have taken one already, and the sooner it is out of the outbox,
# the sooner PostHog can be asked to delete it.
STEPS: tuple[Step, ...] = (
    EventsStep(Kind.EVENTS, OutboxRow.answer_uuid),
    EventsStep(Kind.PAGE_VIEWS, OutboxRow.page_view_uuid),
    AnswersStep(),
    CopiesStep(),
    ResponsesStep(),
    RefusalsStep(),
    TicketsStep(),
    WaitingInvitationsStep(),
    InvitationsStep(),
    ReasonsStep(VoidRow),
    ReasonsStep(VoidChangeRow),
    TextsStep(Kind.AUDIT, AuditRow.id, AuditRow.target),
    TextsStep(Kind.MARKS, MarkRow.id, MarkRow.words),
)


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
    person = _find_stand_in(distinct_id, answer.ticket_id, at, target) or distinct_id
    return erase_imported(answer, person, target.keys)


def _opened_at(row: Row) -> datetime:
    """Return when a ticket was opened at the help desk: at the latest when we heard of it."""
    first_seen_at: datetime = row["first_seen_at"]
    return min(row["created_at"] or first_seen_at, first_seen_at)


def _find_stand_in(
    distinct_id: str, ticket_id: str | None, at: datetime, target: Target
) -> str | None:
    """Return what stands for a person in an answer: a pseudonym, or the stand-in for the ticket,
    which names nobody; None if the person is not erased."""
    if distinct_id == anonymous_person(ticket_id or ""):
        return distinct_id
    return target.find_pseudonym(distinct_id, at)


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
