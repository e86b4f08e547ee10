"""Durations as settings write them: `7d`, `168h`, `30m`, `45s`. Pure."""

import re
from datetime import timedelta

LONGEST_DURATION = timedelta(days=3650)

_DURATION_TEXT = re.compile(r"(\d{1,6})(d|h|m|s)", re.ASCII)
_DURATION_UNITS = {"d": "days", "h": "hours", "m": "minutes", "s": "seconds"}


def parse_duration(value: object) -> timedelta:
    """Return a duration written `7d`, `168h`, `30m` or `45s`; raises ValueError for anything
    else."""
    if isinstance(value, timedelta):
        return value
    match = _DURATION_TEXT.fullmatch(str(value).strip())
    if match is None:
        raise ValueError("write a duration as 7d, 168h, 30m or 45s")
    duration = timedelta(**{_DURATION_UNITS[match[2]]: int(match[1])})
    if duration > LONGEST_DURATION:
        raise ValueError(f"it is longer than {LONGEST_DURATION.days}d")
    return duration


def split_duration(duration: timedelta) -> tuple[int, str]:
    """Return a duration in the largest unit that it fills exactly: `(7, "days")`, `(36,
    "hours")`."""
    for unit in ("days", "hours", "minutes"):
        count, rest = divmod(duration, timedelta(**{unit: 1}))
        if not rest:
            return count, unit
    return int(duration.total_seconds()), "seconds"


def format_duration(duration: timedelta) -> str:
    """Return a duration as it is written in settings: `7d`, `36h`."""
    count, unit = split_duration(duration)
    return f"{count}{unit[0]}"
