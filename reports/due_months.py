"""The day of the month on which something is due for the month before. Pure."""

from datetime import datetime, tzinfo

from survey.months import Month

# The hour of the day, in CSAT_TIMEZONE, from which something is due on its day.
DUE_HOUR = 8


def find_due_month(day: int | None, timezone: tzinfo, now: datetime) -> Month | None:
    """Return the month for which something is due: the last one, from this day of the current month
    on. Return None before that day, and without a day."""
    if day is None:
        return None
    current = Month.of(now, timezone)
    due_at = datetime(current.year, current.number, day, DUE_HOUR, tzinfo=timezone)
    return current.shift(-1) if now >= due_at else None
