"""Periods: how each is written, what it is compared with, and which instants it holds."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.months import Month
from survey.periods import Period, day_bounds

LONDON = ZoneInfo("Europe/London")

days = st.dates(date(2000, 1, 1), date(2040, 12, 31))


@pytest.mark.parametrize(
    ("text", "first", "last", "before", "year_before"),
    [
        ("2026-10", "2026-10-01", "2026-10-31", "2026-09", "2025-10"),
        ("2024-02", "2024-02-01", "2024-02-29", "2024-01", "2023-02"),
        ("2026-Q4", "2026-10-01", "2026-12-31", "2026-Q3", "2025-Q4"),
        ("2026-Q1", "2026-01-01", "2026-03-31", "2025-Q4", "2025-Q1"),
        ("2024", "2024-01-01", "2024-12-31", "2023", "2023"),
        (
            "2026-10-01..2026-10-28",
            "2026-10-01",
            "2026-10-28",
            "2026-09-03..2026-09-30",
            "2025-10-02..2025-10-29",
        ),
        (
            "2026-10-05..2026-10-05",
            "2026-10-05",
            "2026-10-05",
            "2026-10-04..2026-10-04",
            "2025-10-06..2025-10-06",
        ),
    ],
)
def test_a_period_is_compared_with_the_one_before_and_a_year_before(
    text, first, last, before, year_before
):
    period = Period.parse(text)
    assert (str(period.first), str(period.last), period.name) == (first, last, text)
    assert period.shift(-1).name == before
    assert period.year_before().name == year_before


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "2026-13",
            "2026-00",
            "26-10",
            "2026-Q5",
            "2026-Q0",
            "2026-q4",
            "0001",
            "0000-Q1",
            "0001-Q1",
        ),
        *("2026-10-01", "2026-10-01..", "2026-10-28..2026-10-01", "2026-02-30..2026-03-01"),
        *("2020-01-01..2026-01-01", "９９９９", "2026-10 ", "9999-Q4", "2026-W40"),
    ],
)
def test_another_text_names_no_period(text):
    with pytest.raises(ValueError, match=r"period|day|ends|longer|year"):
        Period.parse(text)


@given(days, st.integers(0, 400))
def test_a_name_reads_back_as_its_period(first, length):
    period = Period(first, first + timedelta(days=length), 0)
    assert Period.parse(period.name) == period


@given(days, st.sampled_from([1, 3, 12]), st.integers(-30, 30))
def test_periods_follow_each_other_without_gaps(day, months, by):
    period = Period.parse(
        {1: f"{day:%Y-%m}", 3: f"{day.year}-Q{(day.month + 2) // 3}", 12: f"{day.year}"}[months]
    )
    shifted = period.shift(by)
    assert shifted.shift(-by) == period
    assert shifted.shift(1).first == shifted.last + timedelta(days=1)
    assert shifted.bounds(LONDON)[1] == shifted.shift(1).bounds(LONDON)[0]
    assert len(list(shifted.days())) == shifted.number_of_days


@given(days)
def test_a_week_is_from_monday_to_sunday(day):
    week = Period.of_week(day)
    assert (week.first.weekday(), week.last.weekday(), week.number_of_days) == (0, 6, 7)
    assert week.first <= day <= week.last


@given(days)
def test_a_quarter_and_a_year_hold_the_day(day):
    quarter, year = Period.of_quarter(day), Period.of_year(day)
    assert quarter.name == f"{day.year}-Q{(day.month + 2) // 3}"
    assert year.name == f"{day.year}"
    assert all(period.first <= day <= period.last for period in (quarter, year))


def test_a_month_has_the_bounds_of_the_month():
    month = Month(2026, 10)
    assert Period.of_month(month).bounds(LONDON) == month.bounds(LONDON)
    assert Period.of_month(month).month == month
    assert Period.parse("2026-Q4").month is None


def test_a_day_in_which_clocks_change_is_as_long_as_it_is():
    opens_at, closes_at = day_bounds(date(2026, 10, 25), LONDON)
    assert opens_at == datetime(2026, 10, 24, 23, tzinfo=UTC)
    assert closes_at - opens_at == timedelta(hours=25)
