"""The scale: what is a rating and what is none."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.scale import LABELS, RATINGS, SATISFIED, parse_rating


@pytest.mark.parametrize(
    ("value", "rating"),
    [
        (1, 1),
        (5, 5),
        (4.0, 4),
        ("4", 4),
        ("4.0", 4),
        ("4.000", 4),
        (" 4 ", 4),
        ("\t5.0\n", 5),
    ],
)
def test_numbers_and_texts_from_1_to_5_are_ratings(value, rating):
    parsed = parse_rating(value)
    assert (parsed, type(parsed)) == (rating, int)


@pytest.mark.parametrize(
    "value",
    [
        *(0, 6, -1, 4.5, 5.000001, 10**400, math.nan, math.inf, -math.inf),
        *("0", "6", "4.5", "4.", "4.01", "+4", "-4", "04", "4e0", "4,0", "44", "4 4", "４", "٤"),
        *("four", "null", "true", "", " ", "\ud800"),
        *(True, False, None, [4], {"rating": 4}, b"4", 4 + 0j),
    ],
)
def test_everything_else_is_none(value):
    assert parse_rating(value) is None


@given(st.none() | st.booleans() | st.integers() | st.floats() | st.text())
def test_whatever_comes_a_rating_is_one_of_five_or_none(value):
    assert parse_rating(value) in (*RATINGS, None)


def test_satisfied_is_4_and_5_and_3_is_not():
    assert SATISFIED == (4, 5)


def test_every_rating_has_words():
    assert [LABELS[rating] for rating in RATINGS] == [
        "Very dissatisfied",
        "Dissatisfied",
        "Neutral",
        "Satisfied",
        "Very satisfied",
    ]
