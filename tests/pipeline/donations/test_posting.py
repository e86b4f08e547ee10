"""Which changes of closed months a close posts, and at what price."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.donations.ledger import Rate
from pipeline.donations.posting import Change, post_changes, price_change
from survey.ledger import ChangeReason
from tests.support.donations import AUGUST, HALF_A_POUND, JULY, SEPTEMBER
from tests.support.ledger_entries import a_close, a_ledger, a_priced_close

PENNY, POUND = Rate(Decimal("0.01"), "GBP"), Rate(Decimal(1), "GBP")
prices = st.decimals(0, 2, places=3)
rates = st.builds(Rate, prices, st.just("GBP"))
changes = st.lists(
    st.builds(
        Change,
        month=st.sampled_from([JULY, AUGUST, SEPTEMBER]),
        ticket_id=st.integers(1, 40).map("T-{}".format),
        hedgehogs=st.sampled_from([1, -1]),
        reason=st.sampled_from(ChangeReason),
    ),
    max_size=20,
    unique_by=lambda change: (change.month, change.ticket_id),
)
# What a hedgehog of each month is worth.
price_lists = st.fixed_dictionaries(dict.fromkeys((JULY, AUGUST, SEPTEMBER), prices))


def a_void(month, ticket_id="T-1"):
    return Change(month, ticket_id, -1, ChangeReason.VOID)


def a_late_import(month, ticket_id="T-1"):
    return Change(month, ticket_id, 1, ChangeReason.LATE_IMPORT)


def post(responses, rate, some, price_list):
    return post_changes(
        responses, rate, some, lambda change: price_list[change.month] if rate else None
    )


class TestWhatIsPosted:
    @given(st.integers(0, 10), st.none() | rates, changes, price_lists)
    def test_leaves_no_month_with_less_than_nothing(self, responses, rate, some, price_list):
        posting = post(responses, rate, some, price_list)
        assert posting.hedgehogs >= 0
        assert (posting.amount is None) == (rate is None)
        assert posting.amount is None or posting.amount >= 0

    @given(st.integers(0, 10), st.none() | rates, changes, price_lists)
    def test_and_what_waits_are_all_changes(self, responses, rate, some, price_list):
        posting = post(responses, rate, some, price_list)
        posted = [each.change for each in posting.posted]
        assert sorted([*posted, *posting.pending]) == sorted(some)

    @given(st.integers(0, 10), st.none() | rates, changes, price_lists)
    def test_adds_up_to_the_hedgehogs_and_the_amount(self, responses, rate, some, price_list):
        posting = post(responses, rate, some, price_list)
        added = [each.change.hedgehogs for each in posting.posted]
        assert posting.hedgehogs == responses + sum(added)
        if rate is not None:
            assert posting.amount == responses * rate.unit_amount + sum(
                each.change.hedgehogs * each.unit_amount for each in posting.posted
            )

    @given(st.integers(0, 10), rates, changes, price_lists)
    def test_are_first_those_that_add_and_always_the_oldest(
        self, responses, rate, some, price_list
    ):
        posting = post(responses, rate, some, price_list)
        in_order = [*(each.change for each in posting.posted), *posting.pending]
        assert in_order == sorted(some, key=lambda each: (-each.hedgehogs, each.month, each))

    @given(st.integers(0, 10), rates, changes, price_lists)
    def test_is_as_much_as_the_month_bears(self, responses, rate, some, price_list):
        posting = post(responses, rate, some, price_list)
        if posting.pending:
            following = posting.pending[0]
            assert following.hedgehogs < 0
            price = price_list[following.month]
            assert posting.hedgehogs == 0 or posting.amount < price

    @given(st.integers(0, 10), rates, changes, price_lists, st.randoms())
    def test_does_not_depend_on_the_order_in_which_changes_are_found(
        self, responses, rate, some, price_list, chance
    ):
        shuffled = chance.sample(some, len(some))
        assert post(responses, rate, some, price_list) == post(
            responses, rate, shuffled, price_list
        )

    def test_is_nothing_where_nothing_has_changed(self):
        posting = post(3, HALF_A_POUND, [], {})
        assert (posting.posted, posting.pending) == ((), ())
        assert (posting.hedgehogs, posting.amount) == (3, Decimal("1.50"))

    def test_waits_for_the_next_month_where_the_hedgehogs_do_not_suffice(self):
        voids = [a_void(AUGUST), a_void(JULY)]
        posting = post(1, POUND, voids, {JULY: Decimal(1), AUGUST: Decimal(1)})
        assert [each.change for each in posting.posted] == [a_void(JULY)]
        assert posting.pending == (a_void(AUGUST),)
        assert (posting.hedgehogs, posting.amount) == (0, Decimal(0))

    def test_waits_where_the_money_does_not_suffice(self):
        posting = post(9, PENNY, [a_void(JULY)], {JULY: Decimal("0.10")})
        assert posting.pending == (a_void(JULY),)
        assert (posting.hedgehogs, posting.amount) == (9, Decimal("0.09"))

    def test_uses_what_late_imports_add(self):
        some = [a_void(JULY), a_late_import(AUGUST)]
        posting = post(0, POUND, some, {JULY: Decimal(1), AUGUST: Decimal(1)})
        assert (posting.hedgehogs, posting.pending) == (0, ())

    def test_lets_no_newer_change_pass_an_older_one(self):
        some = [a_void(JULY), a_void(AUGUST)]
        posting = post(9, PENNY, some, {JULY: Decimal("0.10"), AUGUST: Decimal("0.01")})
        assert posting.pending == (a_void(JULY), a_void(AUGUST))

    def test_goes_by_the_hedgehogs_alone_where_there_is_no_rate(self):
        posting = post(1, None, [a_void(JULY), a_void(AUGUST)], {})
        assert [each.unit_amount for each in posting.posted] == [None]
        assert (posting.hedgehogs, posting.amount) == (0, None)


class TestThePrice:
    LEDGER = a_ledger(
        a_priced_close(JULY, 4, "0.50", "2.00"),
        a_priced_close(AUGUST, 4, "60", "240", "JPY"),
        a_close(SEPTEMBER, 4),
    )

    @pytest.mark.parametrize(
        ("month", "rate", "price"),
        [
            (JULY, POUND, "0.50"),
            (AUGUST, POUND, "1"),
            (JULY, Rate(Decimal(70), "JPY"), "70"),
            (AUGUST, Rate(Decimal(70), "JPY"), "60"),
        ],
    )
    def test_is_that_of_the_original_month_unless_its_currency_is_another(self, month, rate, price):
        assert price_change(self.LEDGER, a_void(month), rate) == Decimal(price)

    def test_is_nothing_for_a_month_that_owes_nothing(self):
        assert price_change(self.LEDGER, a_void(SEPTEMBER), POUND) == 0

    def test_is_not_known_where_the_closing_month_has_no_rate(self):
        assert price_change(self.LEDGER, a_void(JULY), None) is None
