"""Rates, payments and payments that are taken back: what is recorded, and what is refused."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from pipeline.donations.ledger import Rate, Status
from pipeline.donations.recording import Refused
from survey.ledger import EntryKind
from survey.months import Month
from survey.store.database import Database
from tests.conftest import on_sqlite
from tests.support.donations import (
    AUGUST,
    JULY,
    RESCUE,
    SEPTEMBER,
    Donations,
)

SIXTY_PENCE = Rate(Decimal("0.60"), "GBP")


@pytest.fixture
def donations(database, settings):
    """A ledger with July closed: 4 hedgehogs, £2.00."""
    donations = Donations(database, settings)
    donations.respond(JULY, 4)
    donations.set_rate(JULY)
    donations.close(JULY)
    return donations


@pytest.fixture
def refuses(donations):
    """A function that tells whether a call is refused with these words, and records nothing."""

    def refuses(words, call, *arguments, **named):
        before = donations.ledger.entries
        with pytest.raises(Refused, match=words):
            call(*arguments, **named)
        return donations.ledger.entries == before

    return refuses


@on_sqlite
class TestARate:
    def test_is_recorded_with_who_gets_the_money(self, donations):
        entry = donations.set_rate(AUGUST, SIXTY_PENCE)
        assert (entry.kind, entry.month) == (EntryKind.RATE, AUGUST)
        assert (entry.unit_amount, entry.currency) == (Decimal("0.60"), "GBP")
        assert (entry.charity, entry.charity_reference) == ("Hedgehog Rescue", "CSAT 1")
        assert donations.ledger.entries[-1] == entry
        assert donations.ledger.rate_of(AUGUST) == SIXTY_PENCE

    def test_leaves_the_charity_as_it_was_if_it_names_none(self, donations):
        donations.set_rate(AUGUST, SIXTY_PENCE, charity=None)
        assert donations.ledger.charity_of(AUGUST) == RESCUE

    def test_is_recorded_by_somebody_at_a_time_of_the_time_zone(self, donations):
        donations.now = datetime(2026, 8, 31, 23, 30, 15, 999, tzinfo=UTC)
        entry = donations.set_rate(AUGUST)
        assert entry.recorded_by == "fiona"
        assert entry.recorded_at.isoformat() == "2026-09-01T00:30:15+01:00"

    def test_can_be_of_any_month_before_the_first_close(self, database, settings):
        donations = Donations(database, settings)
        donations.set_rate(SEPTEMBER)
        donations.set_rate(Month(2020, 1), SIXTY_PENCE)
        assert donations.ledger.rate_of(AUGUST) == SIXTY_PENCE

    @pytest.mark.parametrize("month", [JULY, Month(2026, 6)])
    def test_is_refused_for_a_closed_month_and_for_one_before(self, refuses, donations, month):
        words = f"{month} is closed or before a closed month.*can have a new rate is 2026-08"
        assert refuses(words, donations.set_rate, month, SIXTY_PENCE)

    def test_changes_no_closed_month(self, donations):
        before = donations.ledger.closed[JULY]
        donations.set_rate(AUGUST, SIXTY_PENCE)
        assert donations.ledger.closed[JULY] == before
        assert donations.pay(JULY).amount == Decimal("2.00")


@on_sqlite
class TestAPayment:
    def test_is_of_all_that_is_due(self, donations):
        entry = donations.pay(JULY)
        assert (entry.kind, entry.month) == (EntryKind.PAYMENT, JULY)
        assert (entry.amount, entry.currency) == (Decimal("2.00"), "GBP")
        assert (entry.payment_reference, entry.paid_on) == ("BACS 1", date(2026, 11, 3))
        assert donations.ledger.closed[JULY].status is Status.PAID

    def test_can_be_of_a_part_and_then_of_the_rest(self, donations):
        donations.pay(JULY, Decimal("0.5"))
        assert donations.ledger.closed[JULY].status is Status.PARTLY_PAID
        assert str(donations.pay(JULY).amount) == "1.50"
        assert donations.ledger.closed[JULY].status is Status.PAID

    def test_is_written_with_the_decimals_of_its_currency(self, donations):
        assert str(donations.pay(JULY, Decimal("0.5")).amount) == "0.50"

    def test_is_refused_for_a_month_that_is_not_closed(self, refuses, donations):
        words = "2026-08 is not closed: `csat donations close --month 2026-08` comes first"
        assert refuses(words, donations.pay, AUGUST)

    def test_is_refused_for_a_month_that_was_closed_without_an_amount(self, database, settings):
        donations = Donations(database, settings)
        donations.close(JULY, without_amount=True)
        with pytest.raises(Refused, match="was closed without an amount: there is nothing to pay"):
            donations.pay(JULY)

    def test_is_refused_for_a_month_that_owes_nothing(self, refuses, donations):
        donations.close(AUGUST)
        assert refuses(r"2026-08 owes nothing: 0\.00 GBP", donations.pay, AUGUST)

    def test_is_refused_twice(self, refuses, donations):
        donations.pay(JULY)
        assert refuses(r"2026-07 is paid already: 2\.00 GBP", donations.pay, JULY)
        assert refuses("is paid already", donations.pay, JULY, Decimal("0.01"))

    def test_is_refused_beyond_what_is_due(self, refuses, donations):
        words = r"2\.01 GBP is more than what is due for 2026-07: 2\.00 GBP"
        assert refuses(words, donations.pay, JULY, Decimal("2.01"))
        donations.pay(JULY, Decimal("1.50"))
        words = r"0\.51 GBP is more than what is due for 2026-07: 0\.50 GBP"
        assert refuses(words, donations.pay, JULY, Decimal("0.51"))

    @pytest.mark.parametrize("amount", ["0", "-1", "0.001", "0.005"])
    def test_is_refused_for_no_amount_of_the_currency(self, refuses, donations, amount):
        words = f"{amount} is no amount that can be paid in GBP"
        assert refuses(words, donations.pay, JULY, Decimal(amount))

    def test_is_refused_with_a_day_in_the_future(self, refuses, donations):
        tomorrow = date(2026, 11, 4)
        assert refuses("2026-11-04 is in the future", donations.pay, JULY, paid_on=tomorrow)

    def test_is_refused_with_a_day_of_the_month_itself(self, refuses, donations):
        last = date(2026, 7, 31)
        assert refuses("2026-07-31 is before the end of 2026-07", donations.pay, JULY, paid_on=last)

    def test_can_be_made_on_the_day_after_the_month(self, donations):
        assert donations.pay(JULY, paid_on=date(2026, 8, 1)).paid_on == date(2026, 8, 1)

    def test_can_be_made_today_as_the_time_zone_has_it(self, donations):
        donations.now = datetime(2026, 8, 31, 23, 30, tzinfo=UTC)
        assert donations.pay(JULY, paid_on=date(2026, 9, 1)).paid_on == date(2026, 9, 1)


@on_sqlite
class TestACorrection:
    def test_takes_the_payment_back_and_names_it(self, donations):
        payment = donations.pay(JULY)
        entry = donations.correct(JULY, "wrong account")
        assert (entry.kind, entry.month) == (EntryKind.CORRECTION, JULY)
        assert (entry.corrected, entry.reason) == (payment.sequence, "wrong account")
        assert (entry.amount, entry.currency) == (Decimal("2.00"), "GBP")
        assert donations.ledger.closed[JULY].status is Status.CLOSED

    def test_leaves_the_payment_on_record(self, donations):
        payment = donations.pay(JULY)
        donations.correct(JULY)
        assert payment in donations.ledger.entries

    def test_is_of_the_last_payment_that_stands(self, donations):
        first = donations.pay(JULY, Decimal("0.50"))
        second = donations.pay(JULY)
        assert donations.correct(JULY).corrected == second.sequence
        assert donations.correct(JULY).corrected == first.sequence

    def test_lets_the_month_be_paid_again(self, donations):
        donations.pay(JULY)
        donations.correct(JULY)
        donations.pay(JULY, reference="BACS 2")
        (payment,) = donations.ledger.closed[JULY].payments
        assert payment.payment_reference == "BACS 2"

    def test_is_refused_for_a_month_that_is_not_closed(self, refuses, donations):
        assert refuses("2026-08 is not closed", donations.correct, AUGUST)

    def test_is_refused_for_a_month_without_a_payment(self, refuses, donations):
        words = "2026-07 has no payment that could be taken back"
        assert refuses(words, donations.correct, JULY)
        donations.pay(JULY)
        donations.correct(JULY)
        assert refuses(words, donations.correct, JULY)


class TestTwoPeopleAtOnce:
    def test_pay_a_month_once(self, donations, settings):
        def pay(number):
            database = Database(settings.database_url)
            try:
                other = Donations(database, settings)
                other.pay(JULY, reference=f"BACS {number}")
            except Refused as error:
                return str(error)
            finally:
                database.close()
            return "paid"

        with ThreadPoolExecutor(3) as pool:
            results = sorted(pool.map(pay, range(3)))
        refusal = "2026-07 is paid already: 2.00 GBP"
        assert results == [refusal, refusal, "paid"]
        assert donations.ledger.closed[JULY].due == 0
