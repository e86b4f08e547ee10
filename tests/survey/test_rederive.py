"""Changed settings: the responses follow, at the next start."""

import subprocess
import sys
import threading
import time

import pytest
from sqlalchemy import func, select

from survey import rederive
from survey.counting_rules import CountingRules
from survey.rederive import apply_rules, responses_are_current
from survey.site.app import create_app
from survey.store.counting import ResponsesOutdated, require_current_responses
from survey.store.models import ResponseRow
from survey.store.responses import find_response
from survey.store.voids import void_ticket
from tests.conftest import on_postgresql
from tests.support.command import environment
from tests.support.many_answers import add_many
from tests.support.pages import Page, address
from tests.support.settings import make_settings


def answer(client, rating, **link):
    assert client.post(address(**link), data={"rating": rating}).status_code == 303


def ratings(database, *tickets):
    with database.reading() as connection:
        responses = [find_response(connection, ticket) for ticket in tickets]
    return [response and response.rating for response in responses]


def test_a_person_who_becomes_a_tester_leaves_the_responses(client, database, clock):
    answer(client, "4")
    answer(client, "2", distinct_id="joe")
    answer(client, "5", ticketId="43")
    apply_rules(database, CountingRules.of(make_settings(test_distinct_ids="jane")))
    assert ratings(database, "42", "43") == [2, None]
    restarted = create_app(make_settings(test_distinct_ids="jane"), database, clock).test_client()
    clock.advance(minutes=1)
    sent = restarted.post(address(ticketId="44", distinct_id="ann"), data={"rating": "3"})
    text = Page(restarted.get(sent.location).text).text
    assert "hedgehog number 2 of this month" in text


def test_another_edit_window_lets_changes_in_or_out(client, database, clock):
    answer(client, "5")
    clock.advance(hours=30)
    answer(client, "1")
    apply_rules(database, CountingRules.of(make_settings(edit_window="1d")))
    assert ratings(database, "42") == [5]
    apply_rules(database, CountingRules.of(make_settings(edit_window="2d")))
    assert ratings(database, "42") == [1]


def test_unverified_answers_leave_the_responses_and_come_back(client, database):
    answer(client, "5")
    apply_rules(database, CountingRules.of(make_settings(unverified_excluded_from="2026-10")))
    assert ratings(database, "42") == [None]
    apply_rules(database, CountingRules.of(make_settings(unverified_excluded_from="2026-11")))
    assert ratings(database, "42") == [5]


def test_a_void_ticket_stays_void(client, database, clock):
    answer(client, "5")
    with database.writing() as connection:
        void_ticket(connection, "42", "by the agent", clock())
    apply_rules(database, CountingRules.of(make_settings(edit_window="1d")))
    assert ratings(database, "42") == [None]


def test_a_response_keeps_its_submission_id(client, database):
    answer(client, "5")
    with database.reading() as connection:
        before = find_response(connection, "42").submission_id
    apply_rules(database, CountingRules.of(make_settings(edit_window="1d")))
    with database.reading() as connection:
        assert find_response(connection, "42").submission_id == before


class TestWhileTheSiteGoesOn:
    @pytest.fixture(autouse=True)
    def small_batches(self, monkeypatch):
        monkeypatch.setattr(rederive, "ANSWERS_AT_ONCE", 2)

    @pytest.fixture
    def derive(self, database):
        """Derive by other settings, with something done after the first batch."""

        def derive(meanwhile, settings=OTHERS):
            todo = [meanwhile]

            def on_progress(_answers):
                if todo:
                    todo.pop()()

            apply_rules(database, CountingRules.of(settings), on_progress)

        return derive

    def test_a_void_is_not_undone(self, client, database, clock, derive):
        for ticket in "123456":
            answer(client, "5", ticketId=ticket)

        def void():
            with database.writing() as connection:
                database.lock_tickets(connection, ["1", "6"])
                void_ticket(connection, "1", "by the agent", clock())
                void_ticket(connection, "6", "by the agent", clock())

        derive(void)
        assert ratings(database, *"156") == [None, 5, None]

    def test_answers_are_taken_and_stay(self, client, database, derive):
        for ticket in "123456":
            answer(client, "5", ticketId=ticket)

        def answer_some():
            for ticket in ("1", "6", "new"):
                answer(client, "3", ticketId=ticket)

        derive(answer_some)
        assert ratings(database, "1", "2", "6", "new") == [3, 5, 3, 3]

    def test_reports_do_not_go_by_the_responses(self, client, database, derive):
        for ticket in "123456":
            answer(client, "5", ticketId=ticket)
        seen = []

        def ask():
            with database.reading() as connection:
                for each in (make_settings(), OTHERS):
                    with pytest.raises(ResponsesOutdated):
                        require_current_responses(connection, CountingRules.of(each))
                    seen.append(each)

        derive(ask)
        assert len(seen) == 2
        with database.reading() as connection:
            require_current_responses(connection, CountingRules.of(OTHERS))

    def test_a_derivation_that_begins_meanwhile_takes_over(self, client, database, clock, derive):
        for ticket in "123456":
            answer(client, "5", ticketId=ticket)
        answer(client, "4", ticketId="6", distinct_id="joe")
        clock.advance(hours=30)
        answer(client, "1", ticketId="6")
        last = make_settings(edit_window="2d")
        derive(lambda: apply_rules(database, CountingRules.of(last)))
        assert ratings(database, "1", "6") == [5, 1]
        assert responses_are_current(database, CountingRules.of(last))

    def test_one_that_was_broken_off_is_done_again(self, client, database, derive):
        for ticket in "123456":
            answer(client, "5", ticketId=ticket)
            answer(client, "2", ticketId=ticket, distinct_id="joe")

        def break_off():
            raise KeyboardInterrupt

        without_jane = make_settings(test_distinct_ids="jane")
        with pytest.raises(KeyboardInterrupt):
            derive(break_off, without_jane)
        assert ratings(database, "1", "6") == [2, 5]
        apply_rules(database, CountingRules.of(without_jane))
        assert ratings(database, *"123456") == [2] * 6


OTHERS = make_settings(edit_window="1d")


def test_two_starts_at_once_derive_the_same(database):
    add_many(database, 3000, ticket="'T' || (n % 700)", person="'person-' || (n % 3)")
    errors = []

    def start():
        try:
            apply_rules(database, CountingRules.of(OTHERS))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=start) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    assert responses_are_current(database, CountingRules.of(OTHERS))
    assert len(stored_responses(database)) == 700


@on_postgresql
def test_customers_are_served_while_many_responses_are_derived(database, settings, clock):
    # They all come from one client.
    crowd = settings.model_copy(update={"rate_limit_client": 0})
    client = create_app(crowd, database, clock).test_client()
    add_many(database, 30_000, ticket="'T' || n")
    deriving = threading.Thread(target=apply_rules, args=(database, CountingRules.of(OTHERS)))
    waits = []
    derivation_began = time.perf_counter()
    deriving.start()
    while deriving.is_alive():
        began = time.perf_counter()
        answer(client, "5", ticketId=f"T{len(waits) * 97 % 30_000}")
        waits.append(time.perf_counter() - began)
    deriving.join()
    assert len(waits) > 10
    # Who waits for all of it, waits nearly as long as it takes.
    assert max(waits) < (time.perf_counter() - derivation_began) / 3
    assert responses_are_current(database, CountingRules.of(OTHERS))


def test_a_derivation_that_was_killed_is_done_again(database, database_url):
    """By kill -9, on its way: the next start makes of it what an unbroken one would have."""
    add_many(database, 20_000, ticket="'T' || (n % 9000)", person="'person-' || (n % 3)")
    without_one = make_settings(test_distinct_ids="person-1")
    apply_rules(database, CountingRules.of(without_one))
    expected = stored_responses(database)
    apply_rules(database, CountingRules.of(make_settings()))
    before = stored_responses(database)
    of_person = select(func.count()).where(ResponseRow.distinct_id == "person-1")

    def left():
        with database.reading() as connection:
            return connection.scalar(of_person)

    all_of_them = left()
    upgrading = subprocess.Popen(
        [sys.executable, "-P", "-m", "csat", "db", "upgrade"],
        env=environment(CSAT_DATABASE_URL=database_url, CSAT_TEST_DISTINCT_IDS="person-1"),
        stderr=subprocess.DEVNULL,
    )
    while left() == all_of_them:
        assert upgrading.poll() is None
    upgrading.kill()
    upgrading.wait()
    assert stored_responses(database) not in (before, expected)
    assert not responses_are_current(database, CountingRules.of(without_one))
    apply_rules(database, CountingRules.of(without_one))
    assert stored_responses(database) == expected


def stored_responses(database):
    """All of them, but for what is drawn at random."""
    columns = [each for each in ResponseRow.__table__.columns if each.name != "submission_id"]
    with database.reading() as connection:
        return connection.execute(select(*columns).order_by(ResponseRow.ticket_id)).all()
