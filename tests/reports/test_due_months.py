"""On which day something is due for the month before."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from reports.due_months import find_due_month
from survey.months import Month

LONDON = ZoneInfo("Europe/London")


@given(
    now=st.integers(1_577_836_800, 1_893_456_000),
    day=st.integers(1, 28),
)
def test_the_month_that_is_due_is_the_last_one_from_its_day_on(now, day):
    local = datetime.fromtimestamp(now, LONDON)
    due = find_due_month(day, LONDON, local.astimezone(UTC))
    if (local.day, local.hour) < (day, 8):
        assert due is None
    else:
        assert due == Month(local.year, local.month).shift(-1)


def test_without_a_day_nothing_is_due():
    assert find_due_month(None, LONDON, datetime(2026, 11, 3, 8, tzinfo=LONDON)) is None
