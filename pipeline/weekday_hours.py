"""The time that passes on weekdays: from Monday 00:00 to Saturday 00:00 in a time zone. Pure.

It is the time that really elapses: a day on which clocks change has 23 or 25 hours.
"""

from datetime import UTC, date, datetime, timedelta, tzinfo

import numpy as np
import numpy.typing as npt

Instants = npt.NDArray[np.datetime64]
Durations = npt.NDArray[np.timedelta64]

_WEEK = timedelta(weeks=1)
# From Monday 00:00 to Saturday 00:00 by the calendar.
_WEEKDAYS = timedelta(days=5)
# Instants are those of UTC, as numpy has no time zones.
_UNIT = "datetime64[us]"


def measure_weekday_time(begins: Instants, ends: Instants, timezone: tzinfo) -> Durations:
    """Return how much time passes on weekdays from each begin to its end; below 0 where the end
    comes first. All instants are in UTC, none is missing."""
    if not len(begins):
        return np.zeros(0, dtype="timedelta64[us]")
    begins, ends = begins.astype(_UNIT), ends.astype(_UNIT)
    first, last = min(begins.min(), ends.min()), max(begins.max(), ends.max())
    mondays, saturdays = _list_weeks(first, last, timezone)
    lengths = saturdays - mondays
    # What has passed before each Monday since the first one.
    before = np.cumsum(lengths) - lengths
    return _sum_since_first(ends, mondays, saturdays, before) - _sum_since_first(
        begins, mondays, saturdays, before
    )


def _sum_since_first(
    instants: Instants, mondays: Instants, saturdays: Instants, before: Durations
) -> Durations:
    """Return how much weekday time passes from the first Monday to each instant."""
    weeks = np.searchsorted(mondays, instants, side="right") - 1
    passed: Durations = before[weeks] + (np.minimum(instants, saturdays[weeks]) - mondays[weeks])
    return passed


def _list_weeks(
    first: np.datetime64, last: np.datetime64, timezone: tzinfo
) -> tuple[Instants, Instants]:
    """Return when the weekdays of each week begin and end; the first week begins before `first`,
    the last one ends after `last`."""
    day = _day_of(first, timezone)
    mondays = [day - timedelta(days=day.weekday())]
    end = _day_of(last, timezone)
    while mondays[-1] + _WEEK <= end:
        mondays.append(mondays[-1] + _WEEK)
    return (
        _to_instants(mondays, timezone),
        _to_instants([monday + _WEEKDAYS for monday in mondays], timezone),
    )


def _day_of(instant: np.datetime64, timezone: tzinfo) -> date:
    moment: datetime = instant.astype(_UNIT).item()
    return moment.replace(tzinfo=UTC).astimezone(timezone).date()


def _to_instants(days: list[date], timezone: tzinfo) -> Instants:
    """Return when these days begin. Where clocks skip midnight, that is when they skip it."""
    midnights = (datetime(day.year, day.month, day.day, tzinfo=timezone) for day in days)
    return np.array([each.astimezone(UTC).replace(tzinfo=None) for each in midnights], dtype=_UNIT)
