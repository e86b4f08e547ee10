"""Time on weekdays, held to a count of single minutes by the calendar."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.weekday_hours import measure_weekday_time
from tests.support.examples import examples

MINUTE = timedelta(minutes=1)
# Where clocks change, and when: on Sundays; on a Friday; so that the midnight that a Friday or a
# Monday begins with is skipped, or the one before a Friday or a Saturday comes an hour later.
CHANGES = [
    ("Europe/London", datetime(2026, 3, 29, 1, tzinfo=UTC)),
    ("Europe/London", datetime(2026, 10, 25, 1, tzinfo=UTC)),
    ("Asia/Jerusalem", datetime(2026, 3, 27, 0, tzinfo=UTC)),
    ("Asia/Jerusalem", datetime(2026, 10, 24, 23, tzinfo=UTC)),
    ("Africa/Cairo", datetime(2026, 4, 23, 22, tzinfo=UTC)),
    ("Africa/Cairo", datetime(2026, 10, 29, 21, tzinfo=UTC)),
    ("Asia/Tehran", datetime(2021, 3, 21, 20, 30, tzinfo=UTC)),
    ("Asia/Tehran", datetime(2018, 9, 21, 19, 30, tzinfo=UTC)),
]


def measure(begin: datetime, end: datetime, timezone: str) -> timedelta:
    begins, ends = (
        np.array([each.astimezone(UTC).replace(tzinfo=None)], dtype="datetime64[us]")
        for each in (begin, end)
    )
    (found,) = measure_weekday_time(begins, ends, ZoneInfo(timezone))
    return found.item()


def count_minutes(begin: datetime, end: datetime, timezone: str) -> timedelta:
    """The minutes between two instants that a calendar shows on a Monday to Friday."""
    zone, total = ZoneInfo(timezone), timedelta()
    while begin < end:
        if begin.astimezone(zone).weekday() < 5:
            total += MINUTE
        begin += MINUTE
    return total


@settings(max_examples=examples(80), deadline=None)
@given(
    change=st.sampled_from(CHANGES),
    before=st.integers(-3 * 24 * 60, 4 * 24 * 60),
    length=st.integers(0, 9 * 24 * 60),
)
def test_it_is_the_minutes_of_weekdays_where_clocks_change(change, before, length):
    timezone, changes_at = change
    begin = changes_at - before * MINUTE
    end = begin + length * MINUTE
    assert measure(begin, end, timezone) == count_minutes(begin, end, timezone)


@pytest.mark.parametrize(("timezone", "changes_at"), CHANGES)
def test_the_zones_of_these_tests_change_their_clocks_then(timezone, changes_at):
    zone = ZoneInfo(timezone)
    assert (changes_at - MINUTE).astimezone(zone).utcoffset() != changes_at.astimezone(
        zone
    ).utcoffset()


@pytest.mark.parametrize(
    ("begin", "end", "hours"),
    [
        # Friday 23:59:59.999999 to Monday 00:00:00.000001
        ("2026-10-09T23:59:59.999999", "2026-10-12T00:00:00.000001", 2e-6 / 3600),
        # A weekend, and within one.
        ("2026-10-10T00:00", "2026-10-12T00:00", 0),
        ("2026-10-10T09:00", "2026-10-11T22:00", 0),
        # A whole week, and one in which the clocks change on its Sunday.
        ("2026-10-12T00:00", "2026-10-19T00:00", 120),
        ("2026-10-23T12:00", "2026-10-26T12:00", 24),
        # Two years.
        ("2025-01-06T00:00", "2027-01-04T00:00", 104 * 120),
        # Nothing, and backwards.
        ("2026-10-14T09:00", "2026-10-14T09:00", 0),
        ("2026-10-14T10:00", "2026-10-14T09:00", -1),
    ],
)
def test_it_is_exact_by_the_clock_of_the_zone(begin, end, hours):
    london = ZoneInfo("Europe/London")
    begin, end = (datetime.fromisoformat(each).replace(tzinfo=london) for each in (begin, end))
    found = measure(begin, end, "Europe/London")
    assert found / timedelta(hours=1) == pytest.approx(hours, abs=1e-12)


def test_an_hour_that_clocks_repeat_or_skip_on_a_weekday_counts_as_it_elapses():
    jerusalem = ZoneInfo("Asia/Jerusalem")
    friday = datetime(2026, 3, 27, tzinfo=jerusalem)
    assert measure(friday, friday + timedelta(days=1), "Asia/Jerusalem") == timedelta(hours=23)
    cairo = ZoneInfo("Africa/Cairo")
    thursday = datetime(2026, 10, 29, tzinfo=cairo)
    assert measure(thursday, thursday + timedelta(days=1), "Africa/Cairo") == timedelta(hours=25)


@given(
    st.lists(
        st.tuples(
            st.integers(-(10**9), 2 * 10**9).map(lambda s: datetime.fromtimestamp(s, UTC)),
            st.integers(0, 10**8).map(lambda s: timedelta(seconds=s)),
        ),
        max_size=20,
    )
)
def test_many_together_are_measured_as_each_alone(pairs):
    zone = ZoneInfo("Europe/London")
    begins = np.array([begin.replace(tzinfo=None) for begin, _ in pairs], dtype="datetime64[us]")
    ends = begins + np.array([length for _, length in pairs], dtype="timedelta64[us]")
    together = measure_weekday_time(begins, ends, zone)
    alone = [measure(begin, begin + length, "Europe/London") for begin, length in pairs]
    assert together.tolist() == alone
