"""A clock for tests."""

from datetime import UTC, datetime, timedelta


class Clock:
    """Stands at a time until it is moved."""

    def __init__(self, time: datetime = datetime(2026, 10, 14, 9, 30, 0, 123456, UTC)) -> None:
        self.time = time

    def __call__(self) -> datetime:
        return self.time

    def advance(self, **units: float) -> None:
        self.time += timedelta(**units)
