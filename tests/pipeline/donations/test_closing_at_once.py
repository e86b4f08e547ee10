"""Several operators close at once, and customers answer meanwhile."""

import threading
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from itertools import count

import pytest
from sqlalchemy import event

from pipeline.donations import closing
from pipeline.donations.closing import CannotClose, prepare_close, write_close
from pipeline.donations.ledger import Rate
from survey.ledger import EntryKind
from survey.months import Month
from survey.store.database import Database
from tests.conftest import on_sqlite
from tests.support.changes import assert_chain_holds, assert_each_response_is_counted_once
from tests.support.donations import AUGUST, JULY, OCTOBER, SEPTEMBER, Donations
from tests.support.ledger_processes import answering, close_at_once

SECONDS = 60


@pytest.fixture
def donations(database, settings):
    kept = Donations(database, settings)
    kept.set_rate(Month(2020, 1))
    return kept


def closes_of(donations):
    return [each.month for each in donations.ledger.entries if each.kind is EntryKind.CLOSE]


def run_all(threads):
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS)
        assert not thread.is_alive()


class TestOperators:
    def test_threads_close_a_month_once_and_all_succeed(self, donations):
        for month in (JULY, AUGUST):
            donations.respond(month, 3)
        donations.close(JULY)
        donations.void("T-2026-07-1")
        ready = threading.Barrier(4)
        found = []

        def close():
            ready.wait(SECONDS)
            found.append(donations.close(AUGUST))

        run_all([threading.Thread(target=close) for _ in range(4)])
        assert sorted(each.is_new for each in found) == [False, False, False, True]
        assert len({each.line.close.hash for each in found}) == 1
        assert {each.line.hedgehogs for each in found} == {2}
        assert closes_of(donations) == [JULY, AUGUST]
        assert_chain_holds(donations)

    def test_processes_close_a_month_once_and_all_succeed(self, donations):
        donations.respond(JULY, 3)
        assert sorted(close_at_once(donations, JULY, processes=3)) == [False, False, True]
        assert closes_of(donations) == [JULY]
        assert_chain_holds(donations)

    @on_sqlite
    def test_who_is_overtaken_by_another_finds_the_month_closed(self, donations, monkeypatch):
        donations.respond(JULY, 1)
        overtake(monkeypatch, lambda: donations.close(JULY))
        assert not donations.close(JULY).is_new
        assert closes_of(donations) == [JULY]

    def test_also_who_is_overtaken_while_looking(self, donations):
        others = Donations(Database(donations.settings.database_url), donations.settings)
        for step in range(1, 9):
            month = JULY.shift(step - 9)
            with doing_before(step, donations.database, partial(others.close, month)) as was_done:
                assert not donations.close(month).is_new
            assert was_done()
        assert len(closes_of(donations)) == 8
        others.database.close()

    @on_sqlite
    def test_who_is_overtaken_by_a_rate_closes_by_it(self, donations, monkeypatch):
        donations.respond(JULY, 1)
        overtake(monkeypatch, lambda: donations.set_rate(JULY, Rate(Decimal("2"), "GBP")))
        closed = donations.close(JULY)
        assert closed.is_new
        assert str(closed.line.amount) == "2.00"

    @on_sqlite
    def test_who_is_overtaken_all_the_time_gives_up(self, donations, monkeypatch):
        monkeypatch.setattr(closing, "write_close", lambda *_: False)
        with pytest.raises(CannotClose, match="others add to the ledger all the time; try again"):
            donations.close(JULY)

    def test_both_pay_and_one_is_refused(self, donations):
        donations.respond(JULY, 3)
        donations.close(JULY)
        ready = threading.Barrier(2)
        refused = []

        def pay(reference):
            ready.wait(SECONDS)
            try:
                donations.pay(JULY, reference=reference)
            except Exception as error:
                refused.append(str(error))

        run_all([threading.Thread(target=pay, args=(each,)) for each in ("BACS 1", "BACS 2")])
        assert refused == ["2026-07 is paid already: 1.50 GBP"]
        assert len(donations.ledger.closed[JULY].payments) == 1
        assert_chain_holds(donations)


def overtake(monkeypatch, do):
    """Do something after a close was prepared, and before it is written."""
    todo = [do]
    write = closing.write_close

    def overtaken(*arguments):
        if todo:
            todo.pop()()
        return write(*arguments)

    monkeypatch.setattr(closing, "write_close", overtaken)


class TestCustomers:
    def test_each_answer_that_is_given_meanwhile_is_counted_once(self, donations):
        """They answer in the months that are closed, before and meanwhile, and in the open one."""
        donations.close(JULY)
        months = (JULY, AUGUST, SEPTEMBER, OCTOBER)
        with answering(donations, months, rounds=15, processes=2):
            closed = [donations.close(month).line for month in (AUGUST, SEPTEMBER)]
        assert_each_response_is_counted_once(donations)
        closed.append(donations.close(OCTOBER).line)
        assert_each_response_is_counted_once(donations)
        # July's came after its close.
        assert sum(line.hedgehogs for line in closed) == 2 * 15 * len(months)
        assert_chain_holds(donations)

    def test_a_close_sees_one_state_of_the_store(self, donations):
        """Whatever others do between two of its statements, it counts all of that or nothing."""
        others = Donations(Database(donations.settings.database_url), donations.settings)
        first = Month(2020, 2)
        donations.respond(first, 2)
        donations.close(first)
        seen = []
        for step in count(1):
            month = first.shift(step)
            donations.respond(month, 2)
            donations.void(f"T-{month.shift(-1)}-1")

            def change(month=month):
                others.respond(month, 2, prefix="meanwhile")
                others.respond(month.shift(-1), 1, prefix="late")
                others.void(f"T-{month}-2")

            prepare = partial(
                prepare_close,
                *(donations.database, donations.settings, month),
                by="fiona",
                now=donations.now,
            )
            before = prepare()
            with doing_before(step, donations.database, change) as was_done:
                prepared = prepare()
            if not was_done():
                break
            after = prepare()
            assert before.entries != after.entries
            seen.append(prepared == after)
            assert prepared in (before, after)
            assert write_close(donations.database, prepared)
        assert_each_response_is_counted_once(donations)
        # Only before its first look at the tables.
        assert seen == sorted(seen, reverse=True)
        assert seen.count(False) > 8
        others.database.close()


@contextmanager
def doing_before(step, database, do):
    """Do something before the statement of this number; a function that tells if it was reached."""
    statements = count(1)

    def look(*_):
        if next(statements) == step:
            do()

    event.listen(database.engine, "before_cursor_execute", look)
    yield lambda: next(statements) > step
    event.remove(database.engine, "before_cursor_execute", look)
