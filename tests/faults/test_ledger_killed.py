"""kill −9 of a process that closes or pays, between any two statements: all is written, or
nothing, and the next try finishes it."""

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from itertools import count

import pytest

from pipeline.donations.ledger import Status
from survey.months import Month
from survey.store.ledger import read_rows
from tests.support.changes import assert_chain_holds
from tests.support.donations import Donations
from tests.support.ledger_processes import ends_if_killed_before

FIRST = Month(2021, 1)


@pytest.fixture
def donations(database, settings):
    kept = Donations(database, settings, datetime(2030, 1, 1, tzinfo=UTC))
    kept.set_rate(FIRST)
    return kept


def rows(donations):
    with donations.database.reading() as connection:
        return read_rows(connection)


def try_killed(donations, step, call, *arguments, **named):
    """Whether it came to its end, and how many entries it wrote."""
    before = len(rows(donations))
    came_to_its_end = ends_if_killed_before(step, donations, call, *arguments, **named)
    return came_to_its_end, len(rows(donations)) - before


def kinds(entries):
    return Counter(each["kind"] for each in entries)


def test_a_close_that_is_killed_anywhere_is_whole_or_not_there(donations):
    """Each month is closed by one that is killed one statement later than the last one was, and
    then by one that nobody kills."""
    expected = Counter(rate=1)
    seen = set()
    donations.respond(FIRST, 2)
    for step in count(1):
        month = FIRST.shift(step)
        donations.respond(month, 3)
        before, expected = expected, expected + Counter(close=1)
        if step == 1:
            expected += Counter(opening=1)
        # Now and then there is something to post of every kind.
        if has_changes := step % 8 == 0:
            donations.respond(FIRST, 1, prefix=f"late-{step}")
            donations.void(f"T-{month.shift(-1)}-1")
            expected += Counter(opening=1, adjustment=1)
        came_to_its_end, written = try_killed(donations, step, "close", month)
        assert kinds(rows(donations)) == (expected if written else before)
        seen.add((came_to_its_end, written > 0))
        closed = donations.close(month)
        assert closed.is_new == (written == 0)
        assert not donations.close(month).is_new
        assert (closed.line.responses, closed.line.adjusted) == (3, -1 if has_changes else 0)
        if came_to_its_end:
            break
    # Nothing was written by those that were killed early, all by those killed after the commit.
    assert seen == {(False, False), (False, True), (True, True)}
    assert kinds(rows(donations)) == expected
    assert_chain_holds(donations)


def test_a_payment_that_is_killed_anywhere_is_recorded_once_or_not_at_all(donations):
    seen = set()
    donations.respond(FIRST, 4)
    donations.close(FIRST)
    for step in count(1):
        came_to_its_end, written = try_killed(donations, step, "pay", FIRST)
        assert written in (0, 1)
        seen.add((came_to_its_end, written > 0))
        if not written:
            donations.pay(FIRST)
        line = donations.ledger.closed[FIRST]
        assert (line.status, line.paid, len(line.payments)) == (Status.PAID, Decimal("2.00"), 1)
        donations.correct(FIRST)
        if came_to_its_end:
            break
    # Nothing follows the commit, so whoever is killed has paid nothing.
    assert seen == {(False, False), (True, True)}
    assert_chain_holds(donations)
