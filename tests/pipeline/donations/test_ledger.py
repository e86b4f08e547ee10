"""What the entries of the ledger add up to."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.donations.ledger import Charity, Rate, Status
from survey.months import Month
from tests.support.donations import AUGUST, JULY, OCTOBER, SEPTEMBER
from tests.support.ledger_entries import (
    a_close,
    a_correction,
    a_ledger,
    a_payment,
    a_priced_close,
    a_rate,
    an_adjustment,
    an_opening,
)

JUNE = Month(2026, 6)
MONTHS = [JUNE, JULY, AUGUST, SEPTEMBER, OCTOBER]


def pounds(amount):
    return Rate(Decimal(amount), "GBP")


class TestRates:
    def test_hold_from_their_month_on(self):
        ledger = a_ledger(a_rate(JULY, "0.50"), a_rate(SEPTEMBER, "0.60"))
        assert [ledger.rate_of(month) for month in MONTHS] == [
            *(None, pounds("0.50"), pounds("0.50"), pounds("0.60"), pounds("0.60")),
        ]

    def test_of_an_earlier_month_end_no_later_one_whenever_they_are_recorded(self):
        ledger = a_ledger(a_rate(SEPTEMBER, "0.60"), a_rate(JULY, "0.50"))
        assert ledger.rate_of(AUGUST) == pounds("0.50")
        assert ledger.rate_of(SEPTEMBER) == pounds("0.60")

    def test_of_the_same_month_are_corrected_by_the_last_one(self):
        ledger = a_ledger(a_rate(JULY, "5.00"), a_rate(JULY, "0.50", "EUR"))
        assert ledger.rate_of(JULY) == Rate(Decimal("0.50"), "EUR")

    @given(st.lists(st.tuples(st.sampled_from(MONTHS), st.integers(1, 9).map(str)), max_size=6))
    def test_are_found_as_one_does_who_goes_through_the_months(self, recorded):
        ledger = a_ledger(*(a_rate(month, amount) for month, amount in recorded))
        holding = None
        for month in MONTHS:
            of_month = [amount for first, amount in recorded if first == month]
            holding = pounds(of_month[-1]) if of_month else holding
            assert ledger.rate_of(month) == holding


class TestCharities:
    def test_hold_from_the_month_of_the_rate_that_names_them(self):
        ledger = a_ledger(
            a_rate(JULY, "0.50", charity="Rescue", charity_reference="CSAT 1"),
            a_rate(SEPTEMBER, "0.50", charity="Trust"),
        )
        rescue, trust = Charity("Rescue", "CSAT 1"), Charity("Trust", None)
        assert [ledger.charity_of(month) for month in MONTHS] == [
            *(None, rescue, rescue, trust, trust),
        ]

    def test_stay_when_a_later_rate_names_none(self):
        ledger = a_ledger(
            a_rate(JULY, "0.50", charity="Rescue"), a_rate(JULY, "0.60"), a_rate(AUGUST, "0.70")
        )
        assert ledger.charity_of(JULY) == Charity("Rescue")
        assert ledger.charity_of(OCTOBER) == Charity("Rescue")


class TestMonths:
    def test_of_an_empty_ledger_are_none(self):
        ledger = a_ledger()
        assert (ledger.first, ledger.last, ledger.next_month) == (None, None, None)
        assert (ledger.months, ledger.closed, ledger.counted_in(JULY)) == ([], {}, 0)

    def test_are_the_opening_ones_and_the_closed_ones(self):
        ledger = a_ledger(
            an_opening(JULY, 4), a_close(AUGUST, 2), an_opening(JUNE, 1), a_close(SEPTEMBER, 3)
        )
        assert ledger.months == [JUNE, JULY, AUGUST, SEPTEMBER]
        assert (ledger.first.month, ledger.last.month) == (AUGUST, SEPTEMBER)
        assert ledger.next_month == OCTOBER

    def test_have_a_next_one_across_the_years(self):
        assert a_ledger(a_close(Month(2026, 12), 0)).next_month == Month(2027, 1)

    def test_pay_for_their_responses_and_for_what_is_posted_in_them(self):
        ledger = a_ledger(
            a_close(JULY, 4),
            an_adjustment(AUGUST, JULY, 1, "T-1"),
            an_adjustment(AUGUST, JULY, -1, "T-2"),
            an_adjustment(AUGUST, JULY, -1, "T-3"),
            a_close(AUGUST, 5),
        )
        july, august = ledger.closed[JULY], ledger.closed[AUGUST]
        assert (july.responses, july.adjusted, july.hedgehogs) == (4, 0, 4)
        assert (august.responses, august.adjusted, august.hedgehogs) == (5, -1, 4)
        assert [each.ticket_id for each in ledger.changes_of(JULY)] == ["T-1", "T-2", "T-3"]
        assert ledger.changes_of(AUGUST) == ()

    def test_have_counted_their_close_and_every_change_that_cites_them(self):
        ledger = a_ledger(
            a_close(JULY, 4),
            an_adjustment(AUGUST, JULY, -1),
            a_close(AUGUST, 5),
            an_adjustment(SEPTEMBER, JULY, 1),
            an_adjustment(SEPTEMBER, AUGUST, -1, "T-2"),
            a_close(SEPTEMBER, 6),
        )
        assert [ledger.counted_in(month) for month in (JULY, AUGUST, SEPTEMBER)] == [4, 4, 6]
        assert sum(each.hedgehogs for each in ledger.closed.values()) == 14

    def test_before_the_first_close_have_counted_all_their_openings(self):
        ledger = a_ledger(
            an_opening(JUNE, 4),
            a_close(JULY, 1),
            an_opening(JUNE, 2, reason="late_import"),
            an_opening(JUNE, -1, reason="void"),
        )
        assert ledger.counted_in(JUNE) == 5
        assert ledger.closed[JULY].hedgehogs == 1

    def test_have_the_entries_of_their_line_but_no_rate(self):
        ledger = a_ledger(
            a_rate(JULY, "0.50"),
            a_priced_close(JULY, 2, "0.50", "1.00"),
            a_rate(AUGUST, "0.60"),
            a_payment(JULY, "1.00"),
            a_close(AUGUST, 1),
        )
        assert [each.sequence for each in ledger.entries_of(JULY)] == [2, 4]
        assert ledger.closed[JULY].latest.sequence == 4
        assert ledger.closed[AUGUST].latest.sequence == 5


class TestPayments:
    @pytest.mark.parametrize(
        ("entries", "status", "due"),
        [
            ([], Status.CLOSED, "2.00"),
            ([a_payment(JULY, "0.50")], Status.PARTLY_PAID, "1.50"),
            ([a_payment(JULY, "2.00")], Status.PAID, "0.00"),
            ([a_payment(JULY, "0.50"), a_payment(JULY, "1.50")], Status.PAID, "0.00"),
            ([a_payment(JULY, "2.00"), a_correction(JULY, 2)], Status.CLOSED, "2.00"),
            (
                [a_payment(JULY, "0.50"), a_payment(JULY, "1.50"), a_correction(JULY, 3)],
                Status.PARTLY_PAID,
                "1.50",
            ),
            (
                [a_payment(JULY, "0.50"), a_payment(JULY, "1.50"), a_correction(JULY, 2)],
                Status.PARTLY_PAID,
                "0.50",
            ),
            (
                [a_payment(JULY, "2.00"), a_correction(JULY, 2), a_payment(JULY, "2.00")],
                Status.PAID,
                "0.00",
            ),
        ],
    )
    def test_decide_what_is_due(self, entries, status, due):
        july = a_ledger(a_priced_close(JULY, 4, "0.50", "2.00"), *entries).closed[JULY]
        assert (july.status, july.due) == (status, Decimal(due))
        assert july.paid + july.due == july.amount

    def test_are_those_that_no_correction_took_back(self):
        july = a_ledger(
            a_priced_close(JULY, 4, "0.50", "2.00"),
            a_payment(JULY, "2.00", "BACS 1"),
            a_correction(JULY, 2),
            a_payment(JULY, "2.00", "BACS 2"),
        ).closed[JULY]
        assert [each.payment_reference for each in july.payments] == ["BACS 2"]
        assert july.latest.sequence == 4

    def test_of_other_months_change_nothing(self):
        ledger = a_ledger(
            a_priced_close(JULY, 4, "0.50", "2.00"),
            a_priced_close(AUGUST, 4, "0.50", "2.00"),
            a_payment(AUGUST, "2.00"),
        )
        assert ledger.closed[JULY].status is Status.CLOSED

    def test_are_not_wanted_for_a_month_without_an_amount(self):
        july = a_ledger(a_close(JULY, 4)).closed[JULY]
        assert (july.rate, july.amount, july.due) == (None, None, 0)
        assert july.status is Status.CLOSED
