"""The answers that decide over a ticket: as good as all of them, and few of however many."""

import itertools
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, event, select

from survey.counting_rules import CountingRules, Derived
from survey.links import parse_link, sign_link
from survey.outbox_payloads import unpack_event
from survey.pseudonyms import make_pseudonym
from survey.rederive import apply_rules
from survey.rules import Answer, decide, time_of_receipt
from survey.site.app import create_app
from survey.store import deciding
from survey.store.database import Database
from survey.store.deciding import Arriving, answers_that_decide
from survey.store.migrate import upgrade
from survey.store.models import Origin, OutboxRow
from survey.store.responses import (
    NewAnswer,
    add_answers,
    answers_of,
    find_response,
    has_answers,
    save_applied_rules,
    save_response,
)
from survey.store.voids import void_ticket
from survey.vocabulary import Trust
from tests.support.examples import examples
from tests.support.many_answers import add_many, analyse
from tests.support.pages import LINK, Page, address
from tests.support.settings import SECRET_KEY, make_settings

NOON = datetime(2026, 10, 1, 12, tzinfo=UTC)
WINDOW = timedelta(hours=1)
TIMES = [NOON + timedelta(minutes=minutes) for minutes in (0, 20, 60, 61, 80, 120, 200)]
NAMES = ("jane", "joe", "tess")
ERASED = tuple(make_pseudonym(name, SECRET_KEY) for name in NAMES)
TOO_LONG_FOR_THE_INDEX = "long" * 51
CONFIGURED = [
    replace(
        CountingRules.of(
            make_settings(edit_window=WINDOW, test_distinct_ids="tess", survey_id=survey_id)
        ),
        unverified_excluded_from=excluded_from,
    )
    for survey_id in (None, "ours")
    for excluded_from in (None, TIMES[0], TIMES[2])
]


def answers(**doors: st.SearchStrategy) -> st.SearchStrategy[Answer]:
    return st.builds(
        Answer,
        uuid=st.uuids(version=4).map(str),
        ticket_id=st.just("a ticket"),
        distinct_id=st.sampled_from([*NAMES, *ERASED, TOO_LONG_FOR_THE_INDEX]),
        rating=st.sampled_from([None, 1, 5]),
        comment=st.none(),
        team=st.just("surveys"),
        trust=st.sampled_from(Trust),
        **doors,
    )


of_site = answers(answered_at=st.sampled_from(TIMES), is_from_site=st.just(True))
imported = answers(
    answered_at=st.sampled_from([*TIMES, datetime.max.replace(tzinfo=UTC)]),
    survey_id=st.sampled_from([None, "ours", "another"]),
)


@pytest.fixture(scope="module")
def one_database(tmp_path_factory) -> Iterator[Database]:
    """For all examples, each of which has a ticket of its own."""
    url = f"sqlite:///{tmp_path_factory.mktemp('deciding')}/csat.db"
    database = Database(make_settings(database_url=url).database_url)
    upgrade(database)
    yield database
    database.close()


@pytest.fixture
def few_is_one(monkeypatch) -> None:
    """Every ticket that has two answers has very many."""
    monkeypatch.setattr(deciding, "FEW", 2)


tickets = (f"T{number}" for number in itertools.count())


@pytest.mark.usefixtures("few_is_one")
@settings(deadline=None, max_examples=examples(60))
@given(
    stored=st.lists(st.one_of(of_site, imported), max_size=12, unique_by=lambda each: each.uuid),
    person=st.sampled_from(NAMES),
    trust=st.sampled_from(Trust),
    now=st.sampled_from(TIMES),
    void=st.booleans(),
    configured=st.sampled_from(CONFIGURED),
    data=st.data(),
)
def test_they_decide_as_all_answers_would(
    one_database, stored, person, trust, now, void, configured, data
):
    ticket = next(tickets)
    rules = configured.with_voids([ticket] if void else [])
    stored = [replace(each, ticket_id=ticket, uuid=f"{each.uuid}-{ticket}") for each in stored]
    asked = data.draw(st.sampled_from([None, *(each.uuid for each in stored)]))
    with one_database.writing() as connection:
        doors = {True: Origin.SITE, False: Origin.IMPORT}
        add_answers(connection, [NewAnswer(each, doors[each.is_from_site]) for each in stored])
        response = decide(stored, rules).response
        if response is not None:
            save_response(connection, ticket, response)
        save_applied_rules(connection, configured.fingerprint(Derived.RESPONSES))
    with one_database.reading() as connection:
        arriving = Arriving(ticket, person, now, asked)
        selected = answers_that_decide(connection, configured, [arriving])[ticket]
        everything = answers_of(connection, ticket)

    assert selected == sorted(selected, key=lambda each: each.order)
    assert asked is None or asked in {each.uuid for each in selected}
    at = time_of_receipt(everything, now)
    assert time_of_receipt(selected, now) == at
    new = Answer("", ticket, person, 3, None, "surveys", at, trust, is_from_site=True)
    for more in ([], [new]):
        by_all = decide([*everything, *more], rules)
        by_selected = decide([*selected, *more], rules)
        assert by_selected.response == by_all.response
        assert by_selected.outcomes.items() <= by_all.outcomes.items()


@pytest.mark.usefixtures("few_is_one")
def test_all_are_read_while_the_responses_are_those_of_other_settings(database, clock):
    with database.writing() as connection:
        for number, person in enumerate(["jane", "joe", "ann"]):
            at = NOON + timedelta(minutes=number)
            answer = Answer(person, "42", person, 5, None, "surveys", at, is_from_site=True)
            add_answers(connection, [NewAnswer(answer, Origin.SITE)])
        save_response(connection, "42", decide(answers_of(connection, "42"), RULES).response)
        arriving = Arriving("42", "ann", clock())
        assert (
            len(answers_that_decide(connection, CountingRules.of(DEFAULT), [arriving])["42"]) == 3
        )
        save_applied_rules(connection, CountingRules.of(DEFAULT).fingerprint(Derived.RESPONSES))
        assert (
            len(answers_that_decide(connection, CountingRules.of(DEFAULT), [arriving])["42"]) == 2
        )


DEFAULT = make_settings()
RULES = CountingRules.of(DEFAULT)
MANY = 30_000
# How the plans of the two databases call reading a table, or ordering what was read.
BY_NO_INDEX = ("SCAN answers", "TEMP B-TREE", "Seq Scan on answers", "Sort", "Bitmap")
# Whose the many answers are, in SQL.
CROWDS = {
    "strangers": "'person-' || n",
    "edits of one person": "'jane'",
    "a tester": "'tess'",
}


@dataclass
class Work:
    """What a database has done."""

    rows: int = 0
    steps: int = 0
    statements: int = 0
    seconds: float = 0.0


@contextmanager
def measured(database: Database) -> Iterator[Work]:
    """The rows that were fetched from PostgreSQL, the steps that SQLite took, in hundreds."""
    work = Work()

    def count_step() -> None:
        work.steps += 1

    def listen(_connection, cursor, *_) -> None:
        work.statements += 1
        work.rows += max(cursor.rowcount, 0)

    def watch(connection, *_) -> None:
        connection.set_progress_handler(count_step, 100)

    if database.is_sqlite:
        event.listen(database.engine, "checkout", watch)
    event.listen(database.engine, "after_cursor_execute", listen)
    began = time.perf_counter()
    yield work
    work.seconds = time.perf_counter() - began
    event.remove(database.engine, "after_cursor_execute", listen)
    if database.is_sqlite:
        event.remove(database.engine, "checkout", watch)


@pytest.mark.parametrize("crowd", CROWDS)
def test_one_answer_more_costs_the_same_of_however_many(database, clock, crowd):
    configured = make_settings(test_distinct_ids="tess")
    client = create_app(configured, database, clock).test_client()
    for ticket in ("42", "some", "other"):
        client.post(address(ticketId=ticket), data={"rating": "4"})
    add_many(database, 300, ticket="'some'", person=CROWDS[crowd])
    add_many(database, MANY, person=CROWDS[crowd])
    clock.advance(days=1)
    apply_rules(database, CountingRules.of(configured))

    def visit(ticket: str, rating: str) -> None:
        link = address(ticketId=ticket)
        page = Page(client.get(link).text)
        sent = client.post(page.action, data={**page.fields, "rating": rating})
        assert sent.status_code == 303
        assert "Thank you" in Page(client.get(sent.location).text).text

    visit("some", "1")  # what is done but once is done
    with measured(database) as of_some:
        visit("some", "2")
    with measured(database) as of_many:
        visit("42", "2")
    assert of_many.statements == of_some.statements
    assert of_many.rows <= of_some.rows + 2
    assert of_many.steps <= of_some.steps * 1.2 + 5
    assert of_many.seconds < of_some.seconds * 5 + 0.1
    with database.reading() as connection:
        response = find_response(connection, "42")
    assert (response.distinct_id, response.rating) == ("jane", 2)


def test_a_person_who_is_trusted_more_takes_a_ticket_of_very_many_over(database, clock):
    signing = make_settings(link_secret="s", stranger_answers_per_ticket=1000)
    client = create_app(signing, database, clock).test_client()
    add_many(database, 300)
    clock.advance(hours=1)
    for rating in "2345":
        client.post(address(), data={"rating": rating})
        clock.advance(seconds=1)
    apply_rules(database, CountingRules.of(signing))
    with database.reading() as connection:
        assert find_response(connection, "42").distinct_id == "person-1"
    client.post(address(sig=sign_link(parse_link(LINK), "s")), data={"rating": "1"})
    with database.reading() as connection:
        response = find_response(connection, "42")
        sent = [unpack_event(each)["properties"]["rating"] for each in payloads(connection)]
    assert (response.distinct_id, response.rating) == ("jane", 1)
    assert response.answered_at == response.changed_at - timedelta(seconds=4)
    # Her first begins the response; those between it and her latest before say nothing more.
    assert sent == [2, 5, 1]


def test_a_ticket_of_very_many_unverified_answers_counts_once_one_is_signed(database, clock):
    signing = make_settings(link_secret="s", unverified_excluded_from="2026-10")
    client = create_app(signing, database, clock).test_client()
    for rating in "23":
        client.post(address(), data={"rating": rating})
        clock.advance(seconds=1)
    add_many(database, 300)
    apply_rules(database, CountingRules.of(signing))
    client.post(address(), data={"rating": "4"})
    with database.reading() as connection:
        assert find_response(connection, "42") is None
        assert payloads(connection) == []
    clock.advance(seconds=1)
    client.post(address(sig=sign_link(parse_link(LINK), "s")), data={"rating": "1"})
    with database.reading() as connection:
        response = find_response(connection, "42")
        sent = [unpack_event(each)["properties"]["rating"] for each in payloads(connection)]
    assert (response.distinct_id, response.rating) == ("jane", 1)
    # Her first begins the response; those between it and her latest before say nothing more.
    assert sent == [2, 4, 1]


def payloads(connection: Connection) -> list[str]:
    return list(connection.scalars(select(OutboxRow.payload).order_by(OutboxRow.id)))


def test_a_void_ticket_of_very_many_stays_without_a_response(database, settings, clock):
    client = create_app(settings, database, clock).test_client()
    add_many(database, 300)
    with database.writing() as connection:
        void_ticket(connection, "42", "a flood", clock())
    apply_rules(database, CountingRules.of(settings))
    assert client.post(address(), data={"rating": "4"}).status_code == 303
    with database.reading() as connection:
        assert find_response(connection, "42") is None


@pytest.mark.parametrize("is_analysed", [False, True], ids=["new", "analysed"])
def test_each_is_found_by_an_index(database, clock, settings, is_analysed):
    apply_rules(database, CountingRules.of(settings))
    # Half of the table is one ticket's: any of its rows would soon be found in the table itself.
    add_many(database, 3000, ticket="'T' || n")
    analyse(database)
    add_many(database, 3000)
    if is_analysed:
        analyse(database)
    asked = []

    def listen(_connection, _cursor, statement, parameters, *_) -> None:
        asked.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", listen)
    has_answers(database, "42")
    with database.reading() as connection:
        arriving = [Arriving(each, "person-7", clock(), "none") for each in ("42", "T1", "T2")]
        answers_that_decide(connection, CountingRules.of(settings), arriving)
        answers_that_decide(connection, CountingRules.of(settings), arriving[:1])
        event.remove(database.engine, "before_cursor_execute", listen)
        explain = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"
        for statement, parameters in asked:
            if "FROM answers" in statement:
                plan = connection.exec_driver_sql(f"{explain} {statement}", parameters).all()
                steps = " ".join(str(step) for step in plan)
                found = [bad for bad in BY_NO_INDEX if bad in steps]
                assert not found, f"{found} in {steps} of {statement}"


def test_a_person_may_have_a_name_that_no_index_could_hold(database):
    name = "".join(chr(0x4E00 + 7919 * place % 20000) for place in range(10_000))
    answer = Answer("u", "42", name, 5, None, "surveys", NOON)
    with database.writing() as connection:
        add_answers(connection, [NewAnswer(answer, Origin.IMPORT)])
    with database.reading() as connection:
        assert answers_of(connection, "42") == [answer]
