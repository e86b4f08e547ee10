"""Months in a time zone, with the days on which clocks change."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.months import Month, months_up_to

LONDON = ZoneInfo("Europe/London")
AUCKLAND = ZoneInfo("Pacific/Auckland")
ZONES = (LONDON, AUCKLAND, ZoneInfo("America/St_Johns"), ZoneInfo("UTC"))
MICROSECOND = timedelta(microseconds=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "instant", "month"),
    [
        # London is at UTC+1 from the last Sunday of March to the last of October.
        (LONDON, "2026-03-31T22:59:59.999999", "2026-03"),
        (LONDON, "2026-03-31T23:00:00", "2026-04"),
        (LONDON, "2026-09-30T22:59:59.999999", "2026-09"),
        (LONDON, "2026-09-30T23:00:00", "2026-10"),
        (LONDON, "2026-10-31T23:59:59.999999", "2026-10"),
        (LONDON, "2026-11-01T00:00:00", "2026-11"),
        # The hour that comes twice, and the one that is left out, are within their month.
        (LONDON, "2026-10-25T00:30:00", "2026-10"),
        (LONDON, "2026-10-25T01:30:00", "2026-10"),
        (LONDON, "2026-03-29T01:00:00", "2026-03"),
        # Auckland's new year comes at UTC+13.
        (AUCKLAND, "2026-12-31T10:59:59.999999", "2026-12"),
        (AUCKLAND, "2026-12-31T11:00:00", "2027-01"),
        # Its clocks go back on 5 April: the month began at UTC+13, and ends at UTC+12.
        (AUCKLAND, "2026-03-31T11:00:00", "2026-04"),
        (AUCKLAND, "2026-04-30T11:59:59.999999", "2026-04"),
        (AUCKLAND, "2026-04-30T12:00:00", "2026-05"),
    ],
)
def test_an_instant_is_in_the_month_that_a_calendar_there_shows(zone, instant, month):
    assert str(Month.of(utc(instant), zone)) == month


def test_any_time_zone_may_name_the_instant():
    assert Month.of(utc("2026-09-30T23:30:00").astimezone(AUCKLAND), LONDON) == Month(2026, 10)


@pytest.mark.parametrize(
    ("zone", "month", "opens_at", "closes_at"),
    [
        (LONDON, "2026-03", "2026-03-01T00:00:00", "2026-03-31T23:00:00"),
        (LONDON, "2026-10", "2026-09-30T23:00:00", "2026-11-01T00:00:00"),
        (LONDON, "2026-12", "2026-12-01T00:00:00", "2027-01-01T00:00:00"),
        (AUCKLAND, "2027-01", "2026-12-31T11:00:00", "2027-01-31T11:00:00"),
        (AUCKLAND, "2026-04", "2026-03-31T11:00:00", "2026-04-30T12:00:00"),
    ],
)
def test_bounds_are_instants_in_utc(zone, month, opens_at, closes_at):
    assert Month.parse(month).bounds(zone) == (utc(opens_at), utc(closes_at))


@given(
    # Seconds, because the years at the ends of the calendar have no month in every time zone.
    seconds=st.integers(0, 4_000_000_000),
    zone=st.sampled_from(ZONES),
)
def test_an_instant_is_within_the_bounds_of_its_month_and_of_no_other(seconds, zone):
    instant = datetime.fromtimestamp(seconds, UTC)
    month = Month.of(instant, zone)
    opens_at, closes_at = month.bounds(zone)
    assert opens_at <= instant < closes_at
    assert month.shift(-1).closes_at(zone) == opens_at
    assert Month.of(opens_at - MICROSECOND, zone) == month.shift(-1)
    assert Month.of(closes_at, zone) == month.shift(1)


@pytest.mark.parametrize(
    ("month", "by", "result"),
    [
        ("2026-10", 0, "2026-10"),
        ("2026-12", 1, "2027-01"),
        ("2026-01", -1, "2025-12"),
        ("2026-10", -22, "2024-12"),
        ("2026-10", 27, "2029-01"),
    ],
)
def test_months_are_counted_across_years(month, by, result):
    assert str(Month.parse(month).shift(by)) == result


@pytest.mark.parametrize(
    "text",
    [
        *("2026-13", "2026-00", "2026-1", "26-10", "2026/10", "2026-10-01", "202610", ""),
        *(" 2026-10", "2026-10\n", "٢٠٢٦-١٠", "October", "0000-01", "0001-01", "9999-12"),
    ],
)
def test_only_yyyy_mm_is_a_month(text):
    with pytest.raises(ValueError, match="is not a month; write it as YYYY-MM"):
        Month.parse(text)


def test_a_month_is_written_as_it_is_read_and_sorts_by_time():
    texts = ["2025-12", "2026-01", "2026-10", "2026-11"]
    months = [Month.parse(text) for text in reversed(texts)]
    assert [str(month) for month in sorted(months)] == texts


def test_the_thirteen_months_of_a_trend():
    months = [str(month) for month in months_up_to(Month(2026, 2), 13)]
    assert (months[0], months[-2], months[-1], len(months)) == ("2025-02", "2026-01", "2026-02", 13)
