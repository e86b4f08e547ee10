"""Whoever changes the ledger in the database, with all rights and without triggers, is found."""

import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.donations.checks.difference import LedgerDiffers
from pipeline.donations.verifying import verify_ledger
from survey.ledger import LedgerEntry, digest_tickets, hash_values, join_tickets, split_tickets
from survey.store.ledger import read_tickets
from tests.pipeline.conftest import forger_on_sqlite
from tests.support.told_ledger import ENTRIES, Forger, opened_copy

KINDS = ("rate", "opening", "first close", "payment", "correction", "taken away")
COLUMNS = [*LedgerEntry.__dataclass_fields__]
NUMBERS = {"sequence", "hedgehogs", "corrected", "newest_answer"}
NEVER_EMPTY = {"sequence", "kind", "month", "recorded_at", "recorded_by", "previous_hash", "hash"}
# Values that an honest entry could have.
OTHERS = {
    "kind": "payment",
    "month": "2026-06",
    "original_month": "2026-07",
    "reason": "settings",
    "unit_amount": "5.00",
    "currency": "EUR",
    "amount": "0.01",
    "paid_on": "2026-11-01",
    "timezone": "Europe/Dublin",
    "recorded_at": "2026-11-03T09:00:01+00:00",
    "opens_at": "2026-08-01T01:00:00+01:00",
    "closes_at": "2026-08-31T23:00:00+01:00",
    "previous_hash": "f" * 64,
    "hash": "e" * 64,
}


def find_difference(tampered: Forger) -> str | None:
    """What `verify` says; None if it finds nothing."""
    try:
        list(verify_ledger(tampered.database, tampered.settings))
    except LedgerDiffers as error:
        return str(error)
    return None


@pytest.fixture(scope="module")
def sqlite_forger(told_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forger]:
    """For changes that are taken back."""
    with opened_copy(told_file, tmp_path_factory.mktemp("tampered")) as forger:
        yield forger


def test_the_untouched_ledger_verifies(forger):
    assert find_difference(forger) is None


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("kind", KINDS)
def test_another_value_in_any_column_of_any_entry_is_found(sqlite_forger, kind, column):
    sequence = ENTRIES[kind]
    before = sqlite_forger.rows()[sequence - 1][column]
    other: object = 99 if column in NUMBERS else OTHERS.get(column, "something else")
    if other == before:
        other = "correction"
    sqlite_forger.change(sequence, **{column: other})
    try:
        difference = find_difference(sqlite_forger)
    finally:
        sqlite_forger.change(99 if column == "sequence" else sequence, **{column: before})
    assert difference is not None
    if column == "sequence":
        assert difference.startswith(f"entry {sequence} is missing")
    else:
        assert difference.startswith(f"entry {sequence} (")
        assert difference.endswith("was changed: its hash does not match")


@pytest.mark.parametrize("column", [each for each in COLUMNS if each not in NEVER_EMPTY])
def test_an_emptied_column_is_found(sqlite_forger, column):
    row = next(each for each in sqlite_forger.rows() if each[column] is not None)
    sqlite_forger.change(row["sequence"], **{column: None})
    try:
        difference = find_difference(sqlite_forger)
    finally:
        sqlite_forger.change(row["sequence"], **{column: row[column]})
    assert difference == (
        f"entry {row['sequence']} ({row['kind']} of {row['month']}) was changed: its hash does not "
        "match"
    )


def test_a_changed_column_is_found_on_both_databases(forger):
    forger.change(ENTRIES["close"], amount="2.49")
    assert find_difference(forger) == (
        "entry 10 (close of 2026-09) was changed: its hash does not match"
    )


@forger_on_sqlite
class TestEntriesThatAreGone:
    @pytest.mark.parametrize(
        ("which", "expected"),
        [
            ("rate", "entry 1 is missing: the ledger begins with entry 2 (opening of 2026-07)"),
            (
                "correction",
                "entry 5 is missing: after entry 4 comes entry 6 (payment of 2026-08)",
            ),
        ],
    )
    def test_the_first_and_one_in_the_middle(self, forger, which, expected):
        forger.run("DELETE FROM ledger_entries WHERE sequence = :of", of=ENTRIES[which])
        assert find_difference(forger) == expected

    def test_one_in_the_middle_with_the_numbers_closed_up(self, forger):
        forger.run("DELETE FROM ledger_entries WHERE sequence = 5")
        for sequence in range(6, 13):
            forger.change(sequence, sequence=sequence - 1)
        assert find_difference(forger) == (
            "entry 5 (payment of 2026-08) was changed: its hash does not match"
        )

    def test_the_last_one_leaves_its_tickets_behind(self, forger):
        forger.run("DELETE FROM ledger_entries WHERE sequence = 12")
        assert find_difference(forger) == (
            "tickets are kept for entry 12, which is not there: it counts none"
        )

    def test_a_close_with_its_tickets_leaves_its_adjustments_behind(self, forger):
        forger.run("DELETE FROM ledger_tickets WHERE sequence >= 10")
        forger.run("DELETE FROM ledger_entries WHERE sequence >= 10")
        assert find_difference(forger) == (
            "entry 7 (opening of 2026-07) was written together with a close, which does not follow "
            "it: entries are gone"
        )

    def test_the_last_close_with_all_that_belongs_to_it_only_an_export_can_tell(self, forger):
        """test_verifying.py has the export."""
        forger.run("DELETE FROM ledger_tickets WHERE sequence = 12")
        forger.run("DELETE FROM ledger_entries WHERE sequence = 12")
        assert find_difference(forger) is None


@forger_on_sqlite
def test_swapped_entries(forger):
    for sequence, other in ((4, 99), (6, 4), (99, 6)):
        forger.change(sequence, sequence=other)
    assert find_difference(forger) == (
        "entry 4 (payment of 2026-08) was changed: its hash does not match"
    )


@forger_on_sqlite
@pytest.mark.parametrize(
    ("sequence", "name", "before"),
    [(1, "rate of 2026-08", "none"), (12, "close of 2026-10", "entry 11")],
)
def test_an_entry_that_was_written_after_another_one(forger, sequence, name, before):
    """Its own hash is right, and what it names before it stands nowhere."""
    row = {**forger.rows()[sequence - 1], "previous_hash": "f" * 64}
    forger.change(sequence, previous_hash="f" * 64, hash=hash_values(row))
    assert find_difference(forger) == (
        f"entry {sequence} ({name}) names another entry before it than {before}: "
        "entries were changed, removed or put in"
    )


class TestTickets:
    def test_changed(self, forger):
        forged = zlib.compress(join_tickets(["1", "2", "3", "4"]))
        forger.run("UPDATE ledger_tickets SET tickets = :t WHERE sequence = 3", t=forged)
        assert find_difference(forger) == (
            "the tickets of entry 3 (close of 2026-08) were changed: their digest does not match"
        )

    def test_not_even_packed(self, forger):
        forger.run("UPDATE ledger_tickets SET tickets = :t WHERE sequence = 3", t=b"1, 2, 3, 4")
        assert find_difference(forger) == (
            "the tickets of entry 3 (close of 2026-08) are missing, or cannot be unpacked"
        )

    def test_deleted(self, forger):
        forger.run("DELETE FROM ledger_tickets WHERE sequence = 7")
        assert find_difference(forger) == (
            "the tickets of entry 7 (opening of 2026-07) are missing, or cannot be unpacked"
        )

    def test_of_an_entry_that_counts_none(self, forger):
        forger.run("INSERT INTO ledger_tickets (sequence, tickets) VALUES (4, :t)", t=b"")
        assert find_difference(forger) == (
            "tickets are kept for entry 4 (payment of 2026-08): it counts none"
        )


def forge_tickets(forger: Forger, sequence: int, tickets: list[str], **columns: object) -> None:
    """Let an entry count other tickets, and all hashes and digests be right."""
    joined = join_tickets(tickets)
    forger.run(
        "UPDATE ledger_tickets SET tickets = :t WHERE sequence = :of",
        t=zlib.compress(joined),
        of=sequence,
    )
    forger.forge(sequence, hedgehogs=len(tickets), tickets_digest=digest_tickets(joined), **columns)


def tickets_of(forger: Forger, sequence: int) -> list[str]:
    with forger.database.reading() as connection:
        return split_tickets(read_tickets(connection, sequence) or b"")


class TestForgeriesWhoseHashesAreRight:
    """Somebody has changed entries and chained all of them anew."""

    @pytest.mark.parametrize(
        ("which", "columns", "expected"),
        [
            (
                "first close",
                {"amount": "2.01"},
                "makes 2.01 GBP due, and its hedgehogs come to 2.0",
            ),
            ("last close", {"amount": "3.13"}, "makes 3.13 GBP due, and its hedgehogs come to 3.1"),
            ("last close", {"amount": "3"}, "makes 3 GBP due, with 0 decimals"),
            ("last close", {"unit_amount": "0.50"}, "has the rate 0.50 GBP, and the entries befor"),
            ("last close", {"currency": "EUR"}, "has the rate 0.625 EUR, and the entries before"),
            (
                "last close",
                {"charity": "Mine"},
                "names Mine (CSAT 1), and the entries before it sa",
            ),
            (
                "last close",
                {"hedgehogs": 6, "amount": "3.75"},
                "counts 6 hedgehogs, and has 5 tick",
            ),
            ("close", {"month": "2026-12"}, "does not close 2026-09, the next month"),
            ("close", {"timezone": "Europe/Paris"}, "is in Europe/Paris, and the ledger in E"),
            (
                "last close",
                {"opens_at": "2026-10-02T00:00:00+01:00"},
                "opens at 2026-10-02 00:00:0",
            ),
            ("last close", {"recorded_at": "2026-10-03T00:00:00+01:00"}, "before the month's end"),
            ("added", {"unit_amount": "0.40"}, "has the price 0.40 GBP, and must have 0.50 GBP"),
            (
                "added",
                {"original_month": "2026-09"},
                "changes 2026-09, which was not closed before",
            ),
            (
                "added",
                {"hedgehogs": 2},
                "is no entry that the ledger writes: it counts 2 hedgehogs",
            ),
            ("added", {"reason": "because"}, "it counts 1 hedgehogs, reason because"),
            (
                "opening",
                {"month": "2026-08"},
                "does not lie before the first closed month, 2026-08",
            ),
            ("changed opening", {"month": "2026-08"}, "does not lie before the first closed month"),
            ("payment", {"amount": "2.01"}, "pays 2.01 GBP, and 2.00 GBP was due"),
            ("part payment", {"amount": "2.01"}, "pays 2.01 GBP, and 2.00 GBP was due"),
            ("part payment", {"currency": "EUR"}, "pays 1.20 EUR, and 2.00 GBP was due"),
            ("part payment", {"month": "2026-10"}, "pays a month that was not closed before it"),
            ("correction", {"corrected": 3}, "takes back entry 3, which is no payment of its mont"),
            ("correction", {"amount": "1.00"}, "takes back 1.00 GBP, and 2.00 GBP was paid"),
            ("other rate", {"month": "2026-09"}, "begins in a month that was closed before it"),
            ("rate", {"unit_amount": "0.45"}, "has the rate 0.50 GBP, and the entries before it s"),
            ("rate", {"amount": "1.00"}, "is no entry that the ledger writes: it has a amount"),
            ("rate", {"unit_amount": "NaN"}, "cannot be read: unit_amount is 'NaN'"),
            ("rate", {"unit_amount": "1E+40"}, "unit_amount is '1E+40', and would be"),
            ("rate", {"unit_amount": "-0.50"}, "unit_amount is -0.50"),
            ("rate", {"month": "soon"}, "cannot be read: month is 'soon'"),
            ("payment", {"paid_on": None}, "is no entry that the ledger writes: it has no paid_on"),
            ("payment", {"paid_on": "2026-11-31"}, "paid_on is '2026-11-31'"),
            ("opening", {"timezone": "Mars/Base"}, "this machine knows no time zone 'Mars/Base'"),
            (
                "opening",
                {"opens_at": "2026-07-01T00:00:00"},
                "opens_at is '2026-07-01T00:00:00'",
            ),
            (
                "last close",
                {"tickets_digest": "0" * 64},
                "were changed: their digest does not matc",
            ),
        ],
    )
    def test_columns(self, sqlite_forger, which, columns, expected):
        honest = sqlite_forger.rows()
        sqlite_forger.forge(ENTRIES[which], **columns)
        try:
            difference = find_difference(sqlite_forger)
        finally:
            sqlite_forger.write(honest)
        assert difference is not None
        assert expected in difference

    def test_a_text_in_a_column_of_numbers(self, sqlite_forger):
        honest = sqlite_forger.rows()
        sqlite_forger.forge(ENTRIES["first close"], hedgehogs="many")
        try:
            difference = find_difference(sqlite_forger)
        finally:
            sqlite_forger.write(honest)
        assert difference == ("entry 3 (close of 2026-08) cannot be read: hedgehogs is 'many'")

    def test_what_a_terminal_would_obey_is_not_shown(self, sqlite_forger):
        sqlite_forger.change(3, month="\x1b[2J")
        try:
            difference = find_difference(sqlite_forger)
        finally:
            sqlite_forger.change(3, month="2026-08")
        assert difference == "entry 3 (close of ?[2J) was changed: its hash does not match"

    @forger_on_sqlite
    def test_a_second_payment(self, forger):
        rows = forger.rows()
        forger.write([*rows, rows[ENTRIES["payment"] - 1]])
        assert find_difference(forger) == (
            "entry 13 (payment of 2026-08) pays 2.00 GBP, and 0.80 GBP was due"
        )

    @forger_on_sqlite
    def test_a_payment_that_is_taken_back_twice(self, forger):
        rows = forger.rows()
        forger.write([*rows, rows[ENTRIES["correction"] - 1]])
        assert find_difference(forger) == (
            "entry 13 (correction of 2026-08) takes back entry 4, which is no payment of its month"
        )

    @forger_on_sqlite
    def test_adjustments_in_another_order(self, forger):
        rows = forger.rows()
        forger.write([*rows[:7], rows[8], rows[7], *rows[9:]])
        difference = find_difference(forger)
        assert difference is not None
        assert "stands in the place of the adjustment of ticket late one in 2026-08" in difference

    @forger_on_sqlite
    def test_more_taken_away_than_the_month_has(self, forger):
        forge_tickets(forger, ENTRIES["close"], [], amount="0.00")
        rows = forger.rows()
        forger.write([*rows[:7], *rows[8:]])
        forger.run("UPDATE ledger_tickets SET sequence = sequence - 1 WHERE sequence = 10")
        forger.run("UPDATE ledger_tickets SET sequence = sequence - 1 WHERE sequence = 12")
        assert find_difference(forger) == (
            "entry 8 (adjustment of 2026-09) takes hedgehogs or money of the month below zero"
        )

    @forger_on_sqlite
    def test_a_month_that_is_closed_before_its_turn(self, forger):
        rows = forger.rows()
        forger.write([*rows[:10], {**rows[11], "month": "2026-12"}])
        assert find_difference(forger) == (
            "entry 11 (close of 2026-12) does not close 2026-10, the next month"
        )

    def test_an_invented_ticket(self, forger):
        tickets = [*tickets_of(forger, 12), "invented"]
        forge_tickets(forger, 12, tickets, amount="3.75")
        difference = find_difference(forger)
        assert difference is not None
        assert difference.startswith(
            "the response of ticket invented was counted in 2026-10, and its answers are in the "
            "store no more"
        )

    @forger_on_sqlite
    def test_a_ticket_that_counts_twice(self, forger):
        tickets = tickets_of(forger, 12)
        forge_tickets(forger, 12, [*tickets, tickets[0]], amount="3.75")
        assert find_difference(forger) == (
            "2026-10: the ledger has counted 6 responses, +0 have changed since, and the reports "
            "count 5; both from the same instant to the same instant"
        )

    def test_a_ticket_that_was_left_out_only_waits_for_the_next_close(self, forger):
        """The hedgehog is owed, as that of any late answer: an export tells that it was paid."""
        forge_tickets(forger, 12, tickets_of(forger, 12)[1:], amount="2.50")
        assert find_difference(forger) is None
        checks = {
            each.name: each.figures for each in verify_ledger(forger.database, forger.settings)
        }
        assert checks["responses"]["pending"] == 2

    @forger_on_sqlite
    def test_tickets_that_are_no_text(self, forger):
        joined = b"\xff\0\xfe\0\xfd\0\xfc\0\xfb"
        forger.run(
            "UPDATE ledger_tickets SET tickets = :t WHERE sequence = 12", t=zlib.compress(joined)
        )
        forger.forge(12, tickets_digest=digest_tickets(joined))
        assert find_difference(forger) == (
            "the tickets of entry 12 (close of 2026-10) are no text in UTF-8"
        )

    @forger_on_sqlite
    def test_an_adjustment_of_a_ticket_that_counted_already(self, forger):
        forger.forge(ENTRIES["added"], ticket_id="T-2026-08-1")
        difference = find_difference(forger)
        assert difference is not None
        assert difference.startswith("2026-08: the ledger has counted 4 responses, +1 have")


class TestChangedResponses:
    """The ledger is whole, and somebody has changed what it is compared with."""

    def test_lost_answers_are_named(self, forger):
        for table in ("responses", "answers"):
            forger.run(f"DELETE FROM {table} WHERE ticket_id = 'T-2026-10-2'")
        difference = find_difference(forger)
        assert difference is not None
        assert difference.startswith(
            "the response of ticket T-2026-10-2 was counted in 2026-10, and its answers are in the "
            "store no more. Restore the backup that has them"
        )

    def test_a_deleted_response_whose_answers_are_there(self, forger):
        forger.run("DELETE FROM responses WHERE ticket_id = 'T-2026-10-2'")
        difference = find_difference(forger)
        assert difference is not None
        assert difference.startswith(
            "the response of ticket T-2026-10-2 has changed since 2026-10 was counted, and its "
            "answers do not explain it"
        )

    def test_an_invented_response(self, forger):
        forger.run("UPDATE responses SET ticket_id = 'invented' WHERE ticket_id = 'T-2026-10-2'")
        difference = find_difference(forger)
        assert difference is not None
        assert "ticket invented has a response in 2026-10 that began with no answer" in difference

    def test_a_response_that_was_moved_to_another_month(self, forger):
        statement = "UPDATE responses SET answered_at = :at WHERE ticket_id = 'T-2026-10-2'"
        at = "2026-09-14 12:00:00.000000"
        forger.run(statement, at=at if forger.is_sqlite else f"{at}+00")
        difference = find_difference(forger)
        assert difference is not None
        assert "ticket T-2026-10-2 " in difference
