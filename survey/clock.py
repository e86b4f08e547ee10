"""The one clock. Whoever needs the time of day takes it from here and hands it on."""

from datetime import UTC, datetime


def now() -> datetime:
    """This moment, aware, in UTC, to the microsecond."""
    return datetime.now(UTC)
