"""The ledger in the database, which itself refuses to change it."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, text

from pipeline.donations.ledger import Ledger
from survey.ledger import NO_HASH, chain_entries, join_tickets
from survey.store.database import Database
from survey.store.errors import RefusedData, StoreError
from survey.store.ledger import (
    Head,
    append_entries,
    find_charity_name,
    find_tickets,
    find_versions,
    hedgehogs_by_month,
    read_entries,
    read_head,
    read_rows,
    read_settled,
    read_tickets,
    save_settled,
)
from survey.store.models import LedgerTicketsRow
from survey.voiding import void
from tests.conftest import on_postgresql, on_sqlite
from tests.support.donations import AUGUST, JULY, OCTOBER, SEPTEMBER
from tests.support.given_answers import GivenAnswer, give
from tests.support.ledger_entries import (
    LONDON,
    a_close,
    a_payment,
    a_rate,
    an_adjustment,
    an_opening,
)

MONTHS = [JULY.shift(-1), JULY, AUGUST, SEPTEMBER]
RATE = a_rate(JULY, "0.50", charity="Igelhilfe 🦔 e. V.")
CLOSE = a_close(JULY, 2)
TICKETS = join_tickets(["T-1", "Zoë"])


def append(database, *new, expected=None):
    with database.writing() as connection:
        return append_entries(database, connection, new, expected)


@pytest.fixture
def head(database):
    """The last entry of a ledger with a rate and a closed month."""
    append(database, (RATE, None), (CLOSE, TICKETS))
    with database.reading() as connection:
        return read_head(connection)


def test_the_charity_of_a_month_is_that_of_the_whole_ledger(database):
    rates = [(SEPTEMBER, "Two"), (JULY, "One"), (AUGUST, None), (SEPTEMBER, "Three")]
    append(database, *((a_rate(month, "1", charity=name), None) for month, name in rates))
    with database.reading() as connection:
        ledger = Ledger(read_entries(connection))
        named = {month: find_charity_name(connection, month) for month in MONTHS}
    assert named == dict(zip(MONTHS, [None, "One", "One", "Three"], strict=True))
    assert named == {
        month: charity and charity.name
        for month, charity in ((each, ledger.charity_of(each)) for each in MONTHS)
    }


class TestAppending:
    def test_begins_at_number_one(self, database):
        with database.reading() as connection:
            assert read_head(connection) == Head(0, NO_HASH)
            assert read_rows(connection) == []
        append(database, (RATE, None))
        with database.reading() as connection:
            assert read_head(connection).sequence == 1

    def test_chains_what_is_new_to_what_is_there(self, database, head):
        append(database, (a_payment(JULY, "1.00"), None))
        expected = chain_entries([RATE, CLOSE, a_payment(JULY, "1.00")], 0, NO_HASH)
        with database.reading() as connection:
            assert read_rows(connection) == expected
            assert read_head(connection) == Head(3, expected[-1]["hash"])
            assert head == Head(2, expected[1]["hash"])
            assert read_entries(connection)[0].charity == RATE.charity

    def test_keeps_the_tickets_of_the_entries_that_count_some(self, database, head):
        with database.reading() as connection:
            assert read_tickets(connection, 1) is None
            assert read_tickets(connection, 2) == TICKETS

    def test_keeps_that_a_month_has_no_tickets(self, database):
        append(database, (a_close(JULY, 0), b""))
        with database.reading() as connection:
            assert read_tickets(connection, 1) == b""

    def test_finds_no_tickets_in_what_cannot_be_unpacked(self, database):
        append(database, (CLOSE, None))
        with database.writing() as connection:
            connection.execute(insert(LedgerTicketsRow).values(sequence=1, tickets=b"not zlib"))
        with database.reading() as connection:
            assert read_tickets(connection, 1) is None

    def test_happens_if_the_last_entry_is_the_expected_one(self, database, head):
        assert append(database, (a_payment(JULY, "1.00"), None), expected=head) is True

    @pytest.mark.parametrize("of_nothing", [False, True])
    def test_does_nothing_if_the_last_entry_is_another(self, database, head, of_nothing):
        append(database, (a_payment(JULY, "1.00"), None))
        new = [] if of_nothing else [(a_close(AUGUST, 1), b"T-3")]
        assert append(database, *new, expected=head) is False
        with database.reading() as connection:
            assert read_head(connection).sequence == 3
            assert read_tickets(connection, 4) is None

    def test_of_nothing_leaves_the_ledger_as_it_is(self, database, head):
        assert append(database, expected=head) is True
        with database.reading() as connection:
            assert read_head(connection) == head

    def test_lets_one_of_those_through_who_expect_the_same(self, settings, database, head):
        def close(number):
            other = Database(settings.database_url)
            try:
                return append(other, (a_close(AUGUST, number), b""), expected=head)
            finally:
                other.close()

        with ThreadPoolExecutor(4) as pool:
            written = list(pool.map(close, range(4)))
        assert sorted(written) == [False, False, False, True]
        with database.reading() as connection:
            entries = read_entries(connection)
        assert [each.hedgehogs for each in entries[2:]] == [written.index(True)]

    def test_of_many_who_expect_nothing_happens_one_after_another(self, settings, database, head):
        def pay(number):
            other = Database(settings.database_url)
            try:
                return append(other, (a_payment(JULY, f"{number}.00"), None))
            finally:
                other.close()

        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(pay, range(1, 5))) == [True] * 4
        with database.reading() as connection:
            assert [each.sequence for each in read_entries(connection)] == [1, 2, 3, 4, 5, 6]

    def test_closes_no_month_twice(self, database, head):
        with pytest.raises(RefusedData):
            append(database, (a_close(JULY, 3), None))


# What stands in an entry that takes the place of the second one, with which it has something in
# common: its number, its hash, its predecessor, or its month.
_REPLACEMENTS = (
    "sequence, 'payment', '2026-09', 'now', 'eve', 'a', 'b'",
    "9, 'payment', '2026-09', 'now', 'eve', 'a', hash",
    "9, 'payment', '2026-09', 'now', 'eve', previous_hash, 'b'",
    "9, 'close', month, 'now', 'eve', 'a', 'b'",
)
_REPLACE = (
    "INSERT OR REPLACE INTO ledger_entries"
    " (sequence, kind, month, recorded_at, recorded_by, previous_hash, hash)"
    " SELECT {} FROM ledger_entries WHERE sequence = 2"
)


class TestTheDatabase:
    @pytest.fixture
    def refuses(self, database, head):
        """A function that tells whether a statement is refused, and leaves everything as it was."""

        def everything():
            with database.reading() as connection:
                tickets = connection.execute(text("SELECT * FROM ledger_tickets")).all()
                return read_rows(connection), tickets

        def refuses(statement):
            before = everything()
            try:
                with database.writing() as connection:
                    connection.execute(text(statement))
            except StoreError as error:
                return "never changed, it is only added to" in str(error) and everything() == before
            return False

        return refuses

    @pytest.fixture
    def refuses_all(self, refuses):
        def refuses_all(*statements):
            return [each for each in statements if not refuses(each)] == []

        return refuses_all

    def test_refuses_to_change_and_to_delete(self, refuses_all):
        assert refuses_all(
            "UPDATE ledger_entries SET hedgehogs = 7 WHERE kind = 'close'",
            "UPDATE ledger_entries SET hash = hash",
            "UPDATE ledger_tickets SET tickets = ''",
            "DELETE FROM ledger_entries WHERE sequence = 1",
            "DELETE FROM ledger_entries",
            "DELETE FROM ledger_tickets",
            "INSERT INTO ledger_tickets SELECT * FROM ledger_tickets WHERE true"
            " ON CONFLICT (sequence) DO UPDATE SET tickets = ''",
        )

    @on_sqlite
    def test_refuses_to_replace(self, refuses_all):
        assert refuses_all(
            *map(_REPLACE.format, _REPLACEMENTS),
            "REPLACE INTO ledger_tickets VALUES (2, '')",
            "UPDATE OR REPLACE ledger_entries SET sequence = 1 WHERE sequence = 2",
        )

    @on_postgresql
    def test_refuses_to_truncate_and_to_merge(self, refuses_all):
        assert refuses_all(
            "TRUNCATE ledger_tickets",
            "TRUNCATE ledger_entries CASCADE",
            "TRUNCATE ledger_entries, ledger_tickets",
            "MERGE INTO ledger_entries kept USING ledger_entries same"
            " ON kept.sequence = same.sequence WHEN MATCHED THEN DELETE",
        )


class TestCountedTickets:
    def test_are_those_whose_responses_began_between_the_bounds(self, database, settings):
        opens_at, closes_at = OCTOBER.bounds(LONDON)
        moment = timedelta.resolution
        instants = {
            "before": opens_at - moment,
            "first": opens_at,
            "last": closes_at - moment,
            "after": closes_at,
        }
        give(
            database,
            settings,
            *[GivenAnswer(at=at, ticket_id=ticket) for ticket, at in instants.items()],
        )
        with database.reading() as connection:
            assert sorted(find_tickets(connection, opens_at, closes_at)) == ["first", "last"]

    def test_are_none_of_a_month_without_responses(self, database):
        with database.reading() as connection:
            assert find_tickets(connection, *OCTOBER.bounds(LONDON)) == []


class TestVersions:
    @pytest.fixture
    def versions(self, database):
        """A function that reads the versions of September and October."""

        def versions():
            bounds = {month: month.bounds(LONDON) for month in (SEPTEMBER, OCTOBER)}
            with database.reading() as connection:
                return find_versions(connection, bounds)

        return versions

    def test_of_no_months_are_none(self, database):
        with database.reading() as connection:
            assert find_versions(connection, {}) == {}

    def test_begin_at_nothing(self, versions):
        assert versions() == {SEPTEMBER: 0, OCTOBER: 0}

    def test_grow_with_an_answer_and_with_a_void(self, versions, database, settings):
        opens_at, closes_at = OCTOBER.bounds(LONDON)
        found = [versions()[OCTOBER]]
        for at in (opens_at, datetime(2026, 10, 14, tzinfo=UTC), closes_at - timedelta.resolution):
            give(database, settings, GivenAnswer(at=at, ticket_id=str(at)))
            found.append(versions()[OCTOBER])
            void(database, settings, str(at), "spam", at)
            found.append(versions()[OCTOBER])
        assert found == sorted(set(found))

    def test_of_other_months_stay(self, versions, database, settings):
        give(database, settings, GivenAnswer(at=datetime(2026, 9, 14, tzinfo=UTC)))
        before = versions()
        give(database, settings, GivenAnswer(at=datetime(2026, 10, 14, tzinfo=UTC)))
        assert versions()[SEPTEMBER] == before[SEPTEMBER]


class TestSettledMonths:
    def test_are_kept_with_their_latest_version(self, database):
        for settled in ({}, {JULY: 3, AUGUST: 5}, {JULY: 2**40}):
            with database.writing() as connection:
                save_settled(connection, settled)
        with database.reading() as connection:
            assert read_settled(connection) == {JULY: 2**40, AUGUST: 5}


class TestHedgehogsByMonth:
    def test_are_the_close_and_the_adjustments_that_are_posted_in_it(self, database):
        with database.reading() as connection:
            assert hedgehogs_by_month(connection) == {}
        append(
            database,
            *(
                (entry, None)
                for entry in (
                    RATE,
                    an_opening(JULY, 9),
                    a_close(AUGUST, 5),
                    an_adjustment(SEPTEMBER, AUGUST, -1, "T-1"),
                    an_adjustment(SEPTEMBER, AUGUST, 1, "T-2"),
                    an_adjustment(SEPTEMBER, AUGUST, -1, "T-3"),
                    a_close(SEPTEMBER, 3),
                    a_payment(AUGUST, "2.50"),
                )
            ),
        )
        with database.reading() as connection:
            assert list(hedgehogs_by_month(connection).items()) == [(AUGUST, 5), (SEPTEMBER, 2)]
