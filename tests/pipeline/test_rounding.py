"""Rounded numbers that add up: by the largest remainder method."""

from decimal import Decimal
from fractions import Fraction
from math import floor

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipeline.metrics import round_exactly
from pipeline.rounding import round_to_sum

exact = st.fractions(-1000, 1000, max_denominator=5000)


def texts(values: list[Fraction], total: str, decimals: int = 2) -> list[str]:
    return [str(value) for value in round_to_sum(values, Decimal(total), decimals)]


def test_the_missing_unit_goes_to_the_largest_remainder():
    # Floors 0.33, 0.33 and 0.33 make 0.99; remainders are 0.1, 0.4 and 0.5 of a hundredth.
    values = [Fraction(331, 1000), Fraction(334, 1000), Fraction(335, 1000)]
    assert texts(values, "1.00") == ["0.33", "0.33", "0.34"]


def test_of_equal_remainders_the_first_gets_the_unit():
    assert texts([Fraction(1, 3)] * 3, "1.00") == ["0.34", "0.33", "0.33"]
    assert texts([Fraction(2, 3)] * 3, "2.00") == ["0.67", "0.67", "0.66"]


def test_a_value_below_0_is_rounded_down_too_before_units_are_handed_out():
    # −0.005 and 0.005: floors −0.01 and 0.00, and one hundredth is missing from 0.
    assert texts([Fraction(-1, 200), Fraction(1, 200)], "0.00") == ["0.00", "0.00"]


def test_a_total_that_was_itself_rounded_is_met_all_the_same():
    # The difference of 12.4 and 12.4, shown of 12.35 and 12.45: a tenth less than the exact 0.1.
    assert texts([Fraction(1, 10), Fraction(0)], "0.0", 1) == ["0.1", "-0.1"]
    # The difference of 12.4 and 12.2, shown of 12.35 and 12.25: a tenth more.
    assert texts([Fraction(1, 10), Fraction(0)], "0.2", 1) == ["0.2", "0.0"]


def test_a_zero_has_no_sign():
    assert texts([Fraction(-1, 1000), Fraction(1, 1000)], "0.00") == ["0.00", "0.00"]


def test_a_total_with_more_decimals_cannot_be_met():
    with pytest.raises(ValueError, match=r"1\.234 has more than 2 decimals"):
        texts([Fraction(1)], "1.234")


def test_nothing_adds_up_to_0_alone():
    assert texts([], "0.00") == []
    with pytest.raises(ValueError, match="no values"):
        texts([], "0.01")


@given(values=st.lists(exact, min_size=1, max_size=12), decimals=st.integers(0, 3))
def test_they_add_up_and_each_is_within_one_unit_of_its_value(values, decimals):
    total = round_exactly(sum(values, Fraction()), decimals)
    rounded = round_to_sum(values, total, decimals)
    assert sum(rounded) == total
    unit = Fraction(1, 10**decimals)
    for value, result in zip(values, rounded, strict=True):
        assert abs(Fraction(result) - value) < unit
        assert result.as_tuple().exponent == -decimals


@given(values=st.lists(exact, min_size=1, max_size=12), offset=st.sampled_from([-1, 0, 1]))
def test_a_total_up_to_one_unit_off_moves_no_value_by_more_than_a_unit(values, offset):
    total = Decimal(floor(sum(values))) + offset
    assume(abs(Fraction(total) - sum(values)) <= 1)
    rounded = round_to_sum(values, total, 0)
    assert sum(rounded) == total
    for value, result in zip(values, rounded, strict=True):
        assert abs(Fraction(result) - value) <= 1
