"""From a source's events into the store."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from sqlalchemy import Connection

from pipeline.events import RawEvent
from pipeline.sources.base import EventSource, OnProgress
from survey.clock import now
from survey.copies import (
    ImportedAnswer,
    SortedArrivals,
    StoredAnswer,
    find_possible_copies,
    import_event,
    sort_arrivals,
)
from survey.counting_rules import CountingRules
from survey.erasures import Erasures, apply_erasures
from survey.errors import CsatError
from survey.event_values import PropertyKeys
from survey.rules import Answer, Response, decide
from survey.store.database import Database
from survey.store.erasures import read_erasures
from survey.store.imports import (
    copies_on_record,
    imported_since,
    newest_answer,
    stored_answers,
    tickets_of_imported,
    write_arrivals,
)
from survey.store.responses import answers_of_tickets, save_responses
from survey.store.voids import void_among
from survey.vocabulary import COUNTED, Outcome, Trust

# Answers to a transaction. Customers wait for its locks, or for their turn to write: on two cores
# for 0.2 s at most.
ANSWERS_AT_ONCE = 1000

_ByTicket = dict[str | None, list[Answer]]


class SumsDiffer(CsatError):
    """The outcomes of an import do not add up to the answers received."""


@dataclass(frozen=True)
class ImportSummary:
    """The summary of an import: `received` is the sum of `known` and all `outcomes`. `believed` is
    how many answers are trusted more than unverified without a secret to verify it."""

    received: int
    known: int
    outcomes: dict[Outcome, int]
    believed: int = 0

    @property
    def new(self) -> int:
        """How many count, and did not before: responses and edits."""
        return sum(self.outcomes[outcome] for outcome in COUNTED)

    @property
    def reasons(self) -> dict[Outcome, int]:
        """How many do not count, by reason."""
        return {each: n for each, n in self.outcomes.items() if each not in COUNTED}


def import_events(
    source: EventSource,
    rules: CountingRules,
    database: Database,
    on_progress: OnProgress,
    secret_keys: Sequence[str] = (),
) -> ImportSummary:
    """Store all events of a source as answers, batch after batch. `secret_keys` are those under
    which persons were erased.

    Broken off, it goes on where it was when it is run again. Raises SourceError, StoreError, and
    SettingsError if a secret is missing.
    """
    run = AnswerImport(database, rules, secret_keys)
    believed = 0
    for events in source.read_events():
        answers = read_imported(events, rules)
        if not rules.secrets:
            believed += sum(answer.trust is not Trust.UNVERIFIED for answer in answers)
        run.add(answers)
        on_progress(run.received)
    outcomes = {outcome: run.outcomes[outcome] for outcome in Outcome}
    if run.received != run.known + sum(outcomes.values()):
        raise SumsDiffer(
            f"{run.received} answers were received, but {run.known} known ones and "
            f"{sum(outcomes.values())} others are on record; please report this"
        )
    return ImportSummary(run.received, run.known, outcomes, believed)


def read_imported(events: Sequence[RawEvent], rules: CountingRules) -> list[ImportedAnswer]:
    """Return events as the store takes them, in their order."""
    keys = PropertyKeys.of(rules)
    return [
        import_event(
            each.uuid, each.distinct_id, each.timestamp, each.properties, keys, rules.secrets
        )
        for each in events
    ]


class AnswerImport:
    """One run of an import, and the outcomes of the answers that it brought.

    `received` is how many there were. Each of them is either `known`, because the site received
    it or an earlier import brought it, or a copy of another that counts instead (the outcome
    `duplicate`), or a new answer, in `outcomes` as it stands after the last `add`. Nothing here
    ever enters the outbox: PostHog has it. What was erased is erased before anything is compared,
    so that no import brings a person back.
    """

    def __init__(
        self, database: Database, rules: CountingRules, secret_keys: Sequence[str] = ()
    ) -> None:
        self._database = database
        self._rules = rules
        self._keys = PropertyKeys.of(rules)
        self._secret_keys = secret_keys
        self.received = 0
        self.known = 0
        self.outcomes: Counter[Outcome] = Counter()
        with database.reading() as connection:
            self._newest = newest_answer(connection)

    def add(self, answers: Sequence[ImportedAnswer]) -> None:
        """Store answers, ANSWERS_AT_ONCE in a transaction, and derive their tickets' responses.

        Each transaction happens wholly or not at all; the same answers, added again, change
        nothing. Raises StoreError, and SettingsError if a secret is missing that erasures used.
        """
        for begin in range(0, len(answers), ANSWERS_AT_ONCE):
            self._add_some(answers[begin : begin + ANSWERS_AT_ONCE])

    def _add_some(self, answers: Sequence[ImportedAnswer]) -> None:
        with self._database.writing() as connection:
            self._lock(connection, answers)
            found = self._sort(connection, answers)
            outcomes, responses = self._derive(connection, found)
            # Answers first, as the site does: two who lock in the same order never lock each other.
            write_arrivals(connection, found)
            if responses:
                save_responses(connection, responses)
        outcomes[Outcome.DUPLICATE] += len(found.copies)
        self.outcomes.update(outcomes)
        self.received += len(answers)
        self.known += len(answers) - len(found.new) - len(found.copies)

    def _lock(self, connection: Connection, answers: Sequence[ImportedAnswer]) -> None:
        """Keep everybody else from changing these answers, and from adding answers to their
        tickets."""
        self._database.lock_imports(connection)
        uuids = [answer.uuid for answer in answers]
        tickets = {answer.ticket_id for answer in answers if answer.ticket_id is not None}
        tickets.update(tickets_of_imported(connection, uuids))
        self._database.lock_tickets(connection, sorted(tickets))

    def _sort(self, connection: Connection, answers: Sequence[ImportedAnswer]) -> SortedArrivals:
        """Sort these answers, without what was erased of them, by what the store has of them."""
        stored = stored_answers(connection, [answer.uuid for answer in answers])
        # Read in every transaction, behind the lock: somebody may be erased while an import runs.
        erasures = read_erasures(connection, self._secret_keys)
        if erasures:
            return self._sort_erased(connection, answers, stored, erasures)
        fingerprints = [each.fingerprint for each in find_possible_copies(answers, stored)]
        return sort_arrivals(answers, stored, copies_on_record(connection, fingerprints))

    def _sort_erased(
        self,
        connection: Connection,
        given: Sequence[ImportedAnswer],
        stored: Mapping[str, StoredAnswer],
        erasures: Erasures,
    ) -> SortedArrivals:
        """Sort answers as the erasures leave them. What is stored is compared as they will leave
        it: an erasure may be on its way, and have come to some of the rows only."""
        erase = partial(apply_erasures, erasures=erasures, keys=self._keys, at=now())
        persons = {uuid: known.answer.distinct_id for uuid, known in stored.items()}
        answers = [erase(each, stored_person=persons.get(each.uuid)) for each in given]
        erased = {
            uuid: known if known.answer.is_from_site else replace(known, answer=erase(known.answer))
            for uuid, known in stored.items()
        }
        possible = {each.fingerprint for each in find_possible_copies(answers, erased)}
        before = {
            raw.fingerprint: each.fingerprint
            for raw, each in zip(given, answers, strict=True)
            if each.fingerprint in possible
        }
        on_record = copies_on_record(connection, [*possible, *before])
        return sort_arrivals(
            answers, erased, on_record | {before[each] for each in on_record if each in before}
        )

    def _derive(
        self, connection: Connection, found: SortedArrivals
    ) -> tuple[Counter[Outcome], dict[str, Response | None]]:
        """Return how many more or fewer of this run's answers will have each outcome, and the
        responses of all tickets that change; to be asked before anything is written."""
        before, after = _answers_by_ticket(connection, found)
        tickets = [ticket_id for ticket_id in after if ticket_id is not None]
        rules = self._rules.with_voids(void_among(connection, tickets) if tickets else ())
        own_before = (
            imported_since(connection, tickets, self._newest) if any(before.values()) else set()
        )
        own_before |= {known.answer.uuid for known, _ in found.replacing if known.id > self._newest}
        own_after = own_before | {answer.uuid for answer in found.new}
        outcomes: Counter[Outcome] = Counter()
        responses: dict[str, Response | None] = {}
        for ticket_id, answers in after.items():
            if own_before:
                earlier = decide(before[ticket_id], rules).outcomes
                outcomes.subtract(earlier[uuid] for uuid in earlier if uuid in own_before)
            decision = decide(answers, rules)
            now = decision.outcomes
            outcomes.update(now[uuid] for uuid in now if uuid in own_after)
            if ticket_id is not None:
                responses[ticket_id] = decision.response
        return outcomes, responses


def _answers_by_ticket(
    connection: Connection, found: SortedArrivals
) -> tuple[_ByTicket, _ByTicket]:
    """Return all answers to the tickets that change, as they are and as they will be.

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
