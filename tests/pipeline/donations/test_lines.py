"""The lines of the donation export: one for each month, and one for each entry."""

from datetime import timedelta
from decimal import Decimal

import pytest

from pipeline.donations.lines import (
    COLUMNS,
    ENTRY_COLUMNS,
    closed_line,
    find_line,
    frame_entries,
    frame_lines,
    open_line,
    opening_line,
)
from survey.ledger import hash_values
from survey.months import Month
from tests.support.donations import AUGUST, JULY, OCTOBER, SEPTEMBER
from tests.support.ledger_entries import (
    LONDON,
    RECORDED_AT,
    a_close,
    a_correction,
    a_ledger,
    a_payment,
    a_rate,
    an_adjustment,
    an_opening,
)

JUNE = Month(2026, 6)
MONEY = {"unit_amount": Decimal("0.50"), "currency": "GBP", "amount": Decimal("2.00")}
LEDGER = a_ledger(
    a_rate(JULY, "0.50", charity="Hedgehog Rescue 🦔"),
    an_opening(JUNE, 7),
    a_close(JULY, 4, charity="Hedgehog Rescue 🦔", **MONEY),
    an_opening(JUNE, -1, reason="void"),
    an_adjustment(AUGUST, JULY, -1, unit_amount=Decimal("0.50"), currency="GBP"),
    a_close(AUGUST, 5, **MONEY),
)


def paid(*entries):
    """The line of July with these entries after it."""
    ledger = a_ledger(a_close(JULY, 4, **MONEY), *entries)
    return ledger, closed_line(ledger.closed[JULY])


def test_the_columns_are_those_that_finance_reads():
    assert ",".join(COLUMNS) == (
        "month,timezone,opens_at,closes_at,responses,adjustments,hedgehogs,unit_amount,currency,"
        "amount,charity,status,closed_at,closed_by,paid_at,payment_reference,ledger_hash"
    )


class TestAClosedMonth:
    def test_says_what_to_pay_to_whom_and_for_what(self):
        assert closed_line(LEDGER.closed[JULY]) == {
            "month": "2026-07",
            "timezone": "Europe/London",
            "opens_at": "2026-07-01T00:00:00+01:00",
            "closes_at": "2026-08-01T00:00:00+01:00",
            "responses": 4,
            "adjustments": 0,
            "hedgehogs": 4,
            "unit_amount": Decimal("0.50"),
            "currency": "GBP",
            "amount": Decimal("2.00"),
            "charity": "Hedgehog Rescue 🦔",
            "status": "closed",
            "closed_at": "2026-11-03T09:00:00+00:00",
            "closed_by": "fiona",
            "paid_at": None,
            "payment_reference": None,
            "ledger_hash": LEDGER.entries[2].hash,
        }

    def test_counts_the_adjustments_that_are_posted_in_it(self):
        line = closed_line(LEDGER.closed[AUGUST])
        assert (line["responses"], line["adjustments"], line["hedgehogs"]) == (5, -1, 4)

    def test_without_an_amount_has_no_money(self):
        line = closed_line(a_ledger(a_close(JULY, 4)).closed[JULY])
        assert [line[name] for name in ("unit_amount", "currency", "amount")] == [None] * 3

    def test_says_when_and_how_it_was_paid(self):
        ledger, line = paid(a_payment(JULY, "2.00", "BACS 1", day=2))
        assert (line["status"], line["paid_at"]) == ("paid", "2026-11-02")
        assert line["payment_reference"] == "BACS 1"
        assert line["ledger_hash"] == ledger.entries[-1].hash

    def test_names_every_payment_and_the_day_of_the_last(self):
        _, line = paid(a_payment(JULY, "0.50", "BACS 1", 2), a_payment(JULY, "1.50", "BACS 2", 3))
        assert (line["status"], line["paid_at"]) == ("paid", "2026-11-03")
        assert line["payment_reference"] == "BACS 1, BACS 2"

    def test_changes_nothing_else_when_it_is_paid_and_when_that_is_taken_back(self):
        _, before = paid()
        _, partly = paid(a_payment(JULY, "0.50"))
        _, back = paid(a_payment(JULY, "0.50"), a_correction(JULY, 2))
        changed = [
            {name for name in COLUMNS if before[name] != line[name]} for line in (partly, back)
        ]
        assert changed == [
            {"status", "paid_at", "payment_reference", "ledger_hash"},
            {"ledger_hash"},
        ]

    def test_stays_whatever_is_recorded_of_other_months(self):
        longer = a_ledger(*LEDGER.entries[:3])
        assert closed_line(longer.closed[JULY]) == closed_line(LEDGER.closed[JULY])


class TestOtherMonths:
    def test_before_the_first_close_are_counted_and_owe_nothing(self):
        line = opening_line(LEDGER, JUNE)
        assert (line["responses"], line["adjustments"], line["hedgehogs"]) == (6, 0, 6)
        assert (line["status"], line["ledger_hash"]) == ("opening", LEDGER.entries[3].hash)
        assert line["opens_at"] == "2026-06-01T00:00:00+01:00"
        assert not {"amount", "currency", "closed_at"} & set(line)

    def test_that_are_open_have_the_responses_of_now(self):
        assert open_line(OCTOBER, LONDON, 3) == {
            "month": "2026-10",
            "timezone": "Europe/London",
            "opens_at": "2026-10-01T00:00:00+01:00",
            "closes_at": "2026-11-01T00:00:00+00:00",
            "responses": 3,
            "adjustments": 0,
            "hedgehogs": 3,
            "status": "open",
        }

    @pytest.mark.parametrize(
        ("month", "status", "hedgehogs"),
        [(JUNE, "opening", 6), (JULY, "closed", 4), (AUGUST, "closed", 4), (SEPTEMBER, "open", 9)],
    )
    def test_are_found_by_what_has_become_of_them(self, month, status, hedgehogs):
        """The ledger's numbers are those of the ledger, whatever is counted now."""
        line = find_line(LEDGER, month, LONDON, 9)
        assert (line["status"], line["hedgehogs"]) == (status, hedgehogs)


class TestFrames:
    def test_have_every_column_and_none_where_nothing_is_said(self):
        frame = frame_lines([open_line(OCTOBER, LONDON, 3), closed_line(LEDGER.closed[JULY])])
        assert tuple(frame.columns) == COLUMNS
        assert list(frame["amount"]) == [None, Decimal("2.00")]
        assert list(frame["hedgehogs"]) == [3, 4]

    def test_of_nothing_have_the_columns_too(self):
        assert tuple(frame_lines([]).columns) == COLUMNS
        assert tuple(frame_entries([]).columns) == ENTRY_COLUMNS

    def test_of_entries_are_enough_to_compute_the_chain_anew(self):
        previous = "0" * 64
        rows = frame_entries(LEDGER.entries).to_dict("records")
        assert [row["sequence"] for row in rows] == [1, 2, 3, 4, 5, 6]
        for row in rows:
            assert row["previous_hash"] == previous
            previous = hash_values(row)
            assert row["hash"] == previous

    def test_of_entries_keep_times_with_their_offsets(self):
        later = RECORDED_AT + timedelta(days=240)
        frame = frame_entries(a_ledger(a_close(JULY, 1, recorded_at=later)).entries)
        assert list(frame["recorded_at"]) == ["2027-07-01T09:00:00+01:00"]
