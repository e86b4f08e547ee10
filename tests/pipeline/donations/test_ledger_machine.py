"""Whatever happens to the answers and to the ledger, in whatever order: every response is one
hedgehog, in one month, and what is closed never changes."""

import csv
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from shutil import copyfile

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select, update

from pipeline.donations.closing import CannotClose
from pipeline.donations.ledger import ClosedMonth, Rate
from pipeline.donations.lines import closed_line, frame_lines
from pipeline.donations.money import round_amount
from pipeline.donations.recording import Refused
from pipeline.donations.verifying import verify_ledger
from pipeline.importing import AnswerImport
from pipeline.output_files import format_csv
from survey.copies import ImportedAnswer
from survey.counting_rules import CountingRules
from survey.events import Questions
from survey.ledger import digest_tickets
from survey.link_proofs import make_proof
from survey.links import parse_link
from survey.months import Month
from survey.receive import Arrival, Submission, receive_all
from survey.rederive import apply_rules
from survey.store.database import Database
from survey.store.ledger import read_rows, read_tickets
from survey.store.migrate import upgrade
from survey.store.models import AnswerCopyRow, AnswerRow, ResponseRow, VoidRow
from survey.vocabulary import Trust
from tests.support.changes import (
    assert_chain_holds,
    assert_each_response_is_counted_once,
    find_changes,
)
from tests.support.donations import RESCUE, Donations
from tests.support.examples import examples
from tests.support.ledger_processes import ends_if_killed_before
from tests.support.settings import SECRET_KEY, make_settings

BEGIN = datetime(2026, 4, 10, 9, tzinfo=UTC)
# How far back answers reach from the current month.
BACK = 5
TICKETS = ("1", "2", "3", "4", "5", "6")
PERSONS = ("ann", "ben", "tess")
RATES = (
    *(Rate(Decimal("0.50"), "GBP"), Rate(Decimal("2"), "GBP"), Rate(Decimal("0.125"), "GBP")),
    *(Rate(Decimal("0.5"), "JPY"), Rate(Decimal("0.0335"), "KWD"), Rate(Decimal("0"), "GBP")),
)
# What a payment and its correction fill.
FILLED = ("status", "paid_at", "payment_reference", "ledger_hash")
# Ends of months in London, summer time among them: the moments between which months change.
MOMENTS = ("first", "middle", "last")

tickets, months_back = st.sampled_from(TICKETS), st.integers(0, BACK)
persons = st.sampled_from(PERSONS)
# A ticket, a person, the trust in the link, and when.
answers = st.tuples(tickets, persons, st.sampled_from(Trust), months_back, st.sampled_from(MOMENTS))

# Before which of its statements a close or a payment is killed; None: it is not.
killed_before = st.one_of(st.none(), st.none(), st.integers(1, 30))

NewStore = Callable[[], AbstractContextManager[str]]


class LedgerMachine(RuleBasedStateMachine):
    """A store with its ledger, to which anything happens that can happen to it."""

    def __init__(self, new_store: NewStore) -> None:
        super().__init__()
        self.stack = ExitStack()
        url = self.stack.enter_context(new_store())
        database = Database(make_settings(database_url=url).database_url)
        self.stack.callback(database.close)
        self.donations = Donations(database, make_settings(database_url=url), BEGIN)
        self.url = url
        self.persons_erased = 0
        self.exported: dict[Month, Mapping[str, str]] = {}
        self.paid_since: set[Month] = set()

    def teardown(self) -> None:
        """At the end, `csat donations verify` finds no difference."""
        with self.stack:
            for _ in verify_ledger(self.donations.database, self.donations.settings):
                pass

    @initialize(rate=st.sampled_from([*RATES, None]), answers=st.lists(answers, min_size=4))
    def begin(self, rate, answers):
        if rate is not None:
            self.donations.set_rate(self.month.shift(-BACK), rate)
        self.answer(answers)

    # What customers and operators do to the answers.

    @rule(answers=st.lists(answers, min_size=1, max_size=4))
    def answer(self, answers):
        """On the site; where an answer is not of this month, it was stored long after it came."""
        arrivals = []
        for ticket, person, trust, back, moment in answers:
            link = parse_link({"ticketId": ticket, "distinct_id": person, "team": "surveys"})
            form = Submission(link, trust, 4, "Thanks!", None, Questions("How was it?"))
            arrivals.append(Arrival(form, self.instant(back, moment)))
        receive_all(self.donations.database, self.donations.settings, arrivals)

    @rule(data=st.data(), hours=st.integers(1, 400))
    def edit(self, data, hours):
        """The person of a response answers again, in time or too late."""
        responses = self.responses()
        if not responses:
            return
        ticket = data.draw(st.sampled_from(sorted(responses)))
        person, began = responses[ticket]
        link = parse_link({"ticketId": ticket, "distinct_id": person, "team": "surveys"})
        form = Submission(link, Trust.UNVERIFIED, 2, None, None, Questions("How was it?"))
        at = min(began + timedelta(hours=hours), self.donations.now)
        receive_all(self.donations.database, self.donations.settings, [Arrival(form, at)])

    @rule(
        events=st.lists(
            st.tuples(
                st.integers(0, 9),
                answers,
                st.sampled_from([None, "ours", "another"]),
                st.sampled_from([5, 5, 5, None]),
            ),
            min_size=1,
            max_size=4,
        )
    )
    def import_late(self, events):
        """Also copies of events that are known, by another person or of another ticket."""
        imported = []
        for number, (ticket, person, trust, back, moment), survey_id, rating in events:
            proof = make_proof(
                uuid=f"event {number}",
                ticket_id=ticket,
                distinct_id=person,
                rating=rating or 0,
                trust=trust,
                secret=SECRET_KEY,
            )
            said = {"link_trust": trust, "link_proof": proof, "survey": survey_id}
            properties = json.dumps(said | {"rating": rating})
            imported.append(
                ImportedAnswer(
                    uuid=f"event {number}",
                    ticket_id=ticket,
                    distinct_id=person,
                    rating=rating,
                    comment="Thanks!",
                    team="surveys",
                    answered_at=self.instant(back, moment),
                    trust=trust,
                    survey_id=survey_id,
                    properties=properties,
                )
            )
        AnswerImport(self.donations.database, self.counting_rules).add(imported)

    @rule(some=st.sets(tickets, min_size=1, max_size=3))
    def void_or_unvoid(self, some):
        for ticket in some:
            if self.is_void(ticket):
                self.donations.unvoid(ticket)
            elif self.has_answers(ticket):
                self.donations.void(ticket)

    @rule(
        test_ids=st.sampled_from(["", "tess", "ann"]),
        survey_id=st.sampled_from([None, "ours"]),
        edit_window=st.sampled_from(["7d", "1d"]),
    )
    def change_settings(self, test_ids, survey_id, edit_window):
        self.donations.settings = make_settings(
            database_url=self.url,
            test_distinct_ids=test_ids,
            survey_id=survey_id,
            edit_window=edit_window,
        )
        apply_rules(self.donations.database, self.counting_rules)

    @rule(person=persons)
    def anonymise(self, person):
        """As an erasure does: a pseudonym, and no words; ticket, uuid and submission id stay."""
        if person in self.donations.settings.test_distinct_ids:
            return
        self.persons_erased += 1
        pseudonym = hashlib.sha256(f"{person} {self.persons_erased}".encode()).hexdigest()
        with self.donations.database.writing() as connection:
            for table in (AnswerRow, AnswerCopyRow, ResponseRow):
                erased = update(table).where(table.distinct_id == person)
                connection.execute(erased.values(distinct_id=pseudonym, comment=None))

    # What happens to the ledger.

    @rule(back=months_back, step=killed_before)
    def close_next(self, back, step):
        """The next month, and first any; at once, or after a close that was killed."""
        month = self.donations.ledger.next_month or self.month.shift(-back)
        closes_at = month.closes_at(self.timezone) + self.donations.settings.close_grace
        self.donations.now = max(self.donations.now, closes_at.astimezone(UTC))
        without_amount = self.donations.ledger.rate_of(month) is None
        before = self.entries()
        if step is not None:
            self.killed(step, "close", month, without_amount=without_amount)
        written = self.entries()[len(before) :]
        assert [each["kind"] for each in written[-1:]] in ([], ["close"])
        closed = self.donations.close(month, without_amount=without_amount)
        assert closed.is_new == (not written)
        assert not self.donations.close(month, without_amount=without_amount).is_new

    @precondition(lambda self: self.closed)
    @rule(data=st.data(), part=st.sampled_from(["all", "a part", "too much"]), step=killed_before)
    def pay(self, data, part, step):
        """At once, or after a payment that was killed."""
        line = data.draw(st.sampled_from(self.closed))
        amount = None
        if part == "too much":
            amount = line.due + 1
        elif part == "a part" and line.close.currency is not None:
            amount = round_amount(line.due / 2, line.close.currency)
        self.paid_since.add(line.month)
        if not line.due or (amount is not None and not 0 < amount <= line.due):
            with pytest.raises(Refused):
                self.donations.pay(line.month, amount, paid_on=self.today)
            return
        if step is None or not self.killed(step, "pay", line.month, amount, paid_on=self.today):
            self.donations.pay(line.month, amount, paid_on=self.today)
        paid = line.due if amount is None else amount
        assert self.donations.ledger.closed[line.month].due == line.due - paid

    @precondition(lambda self: self.closed)
    @rule(data=st.data())
    def correct(self, data):
        line = data.draw(st.sampled_from(self.closed))
        self.paid_since.add(line.month)
        if line.payments:
            self.donations.correct(line.month)
        else:
            with pytest.raises(Refused):
                self.donations.correct(line.month)

    @rule(rate=st.sampled_from(RATES), later=st.integers(-2, 2), charity=st.sampled_from([None, 1]))
    def set_rate(self, rate, later, charity):
        next_month = self.donations.ledger.next_month
        first = (next_month or self.month).shift(later)
        named = RESCUE if charity else None
        if next_month is not None and first < next_month:
            with pytest.raises(Refused):
                self.donations.set_rate(first, rate, named)
        else:
            self.donations.set_rate(first, rate, named)

    @rule()
    def close_too_early(self):
        with pytest.raises(CannotClose):
            self.donations.close(self.month)

    # What is always so.

    @invariant()
    def time_passes(self):
        self.donations.now += timedelta(minutes=1)

    @invariant()
    def every_response_is_counted_once(self):
        assert_each_response_is_counted_once(self.donations)

    @invariant()
    def lines_and_open_months_add_up_to_all_responses(self):
        ledger, responses = self.donations.ledger, self.responses()
        last = ledger.last
        lines = sum(line.hedgehogs for line in self.closed)
        openings = sum(map(ledger.counted_in, ledger.openings))
        still_open = sum(
            last is None or Month.of(began, self.timezone) > last.month
            for _, began in responses.values()
        )
        pending = sum(change.hedgehogs for change in find_changes(self.donations))
        assert lines + openings + still_open + pending == len(responses)

    @invariant()
    def no_line_is_below_zero(self):
        ledger = self.donations.ledger
        for line in self.closed:
            assert line.hedgehogs >= 0
            assert line.due >= 0
            assert line.amount is None or line.amount >= 0
            assert line.paid <= (line.amount or 0)
        for month in ledger.openings:
            assert ledger.counted_in(month) >= 0

    @invariant()
    def closed_months_are_exported_as_ever(self):
        for line in self.closed:
            exported = format_csv(frame_lines([closed_line(line)]))
            (now,) = csv.DictReader(exported.splitlines())
            before = self.exported.get(line.month, now)
            for column in before:
                if column not in FILLED or line.month not in self.paid_since:
                    assert now[column] == before[column]
            self.exported[line.month] = now
        self.paid_since.clear()

    @invariant()
    def the_chain_verifies(self):
        assert_chain_holds(self.donations)

    @invariant()
    def the_tickets_are_those_that_were_counted(self):
        with self.donations.database.reading() as connection:
            for row in read_rows(connection):
                joined = read_tickets(connection, row["sequence"])
                assert (joined is None) == (row["tickets_digest"] is None)
                if joined is not None:
                    assert digest_tickets(joined) == row["tickets_digest"]

    # What the rules need.

    def killed(self, step, call, *arguments, **named) -> bool:
        return ends_if_killed_before(step, self.donations, call, *arguments, **named)

    def instant(self, back: int, moment: str) -> datetime:
        """A moment of a month, but none in the future."""
        opens_at, closes_at = self.month.shift(-back).bounds(self.timezone)
        at = {
            "first": opens_at,
            "middle": opens_at + (closes_at - opens_at) / 2,
            "last": closes_at - timedelta(microseconds=1),
        }[moment]
        return min(at, self.donations.now)

    def responses(self) -> dict[str, tuple[str, datetime]]:
        """The person of each ticket, and when the response began."""
        columns = (ResponseRow.ticket_id, ResponseRow.distinct_id, ResponseRow.answered_at)
        with self.donations.database.reading() as connection:
            return {row[0]: (row[1], row[2]) for row in connection.execute(select(*columns))}

    def entries(self):
        with self.donations.database.reading() as connection:
            return read_rows(connection)

    def is_void(self, ticket: str) -> bool:
        return self._finds(VoidRow, ticket)

    def has_answers(self, ticket: str) -> bool:
        return self._finds(AnswerRow, ticket)

    def _finds(self, table, ticket: str) -> bool:
        with self.donations.database.reading() as connection:
            found = select(table.ticket_id).where(table.ticket_id == ticket)
            return connection.execute(found).first() is not None

    @property
    def closed(self) -> list[ClosedMonth]:
        return list(self.donations.ledger.closed.values())

    @property
    def counting_rules(self) -> CountingRules:
        return CountingRules.of(self.donations.settings)

    @property
    def timezone(self):
        return self.donations.settings.timezone

    @property
    def month(self) -> Month:
        return Month.of(self.donations.now, self.timezone)

    @property
    def today(self):
        return self.donations.now.date()


@pytest.fixture(scope="module")
def empty_file(tmp_path_factory) -> Path:
    """An SQLite file with the tables, to copy."""
    path = tmp_path_factory.mktemp("empty") / "csat.db"
    database = Database(make_settings(database_url=f"sqlite:///{path}").database_url)
    upgrade(database)
    with database.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def new_store(request, tmp_path) -> NewStore:
    """A store for each run of the machine."""

    @contextmanager
    def new_file(empty_file: Path) -> Iterator[str]:
        path = tmp_path / "csat.db"
        copyfile(empty_file, path)
        yield f"sqlite:///{path}"
        for suffix in ("", "-wal", "-shm", "-writer"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)

    @contextmanager
    def new_database(server, template: str) -> Iterator[str]:
        url = server.create_database(template)
        yield url
        server.drop_database(url)

    if request.param == "sqlite":
        return partial(new_file, request.getfixturevalue("empty_file"))
    server = request.getfixturevalue("postgresql")
    return partial(new_database, server, request.getfixturevalue("_upgraded"))


def test_whatever_happens_every_response_is_one_hedgehog(new_store):
    run_state_machine_as_test(
        lambda: LedgerMachine(new_store),
        settings=settings(
            max_examples=examples(3),
            stateful_step_count=36,
            deadline=None,
            # To look for a shorter example takes longer than a test may.
            phases=(Phase.reuse, Phase.generate),
        ),
    )
