"""The one clock. All code that needs the current time takes it from here."""

from datetime import UTC, datetime


def now() -> datetime:
    """Return the current time, aware, in UTC, to the microsecond."""
    return datetime.now(UTC)
