"""Calendar months in a time zone: the one place that knows where a month begins and ends. Pure."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

_MONTH_TEXT = re.compile(r"(\d{4})-(0[1-9]|1[0-2])", re.ASCII)


@dataclass(frozen=True, order=True)
class Month:
    """A calendar month, `2026-10`. Which instants it holds depends on the time zone asked for."""

    year: int
    number: int

    @classmethod
    def parse(cls, text: str) -> "Month":
        """Return the month written `YYYY-MM`; raises ValueError for anything else."""
        match = _MONTH_TEXT.fullmatch(text)
        # At the ends of the calendar a month has no bounds in every time zone.
        if match is None or not 1 < int(match[1]) < 9999:
            raise ValueError(f"{text!r} is not a month; write it as YYYY-MM, for example 2026-10")
        return cls.read(text)

    @classmethod
    def read(cls, text: str) -> "Month":
        """Return the month that `str` wrote, at the ends of the calendar too; raises ValueError for
        any other text."""
        match = _MONTH_TEXT.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not a month")
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def of(cls, instant: datetime, timezone: tzinfo) -> "Month":
        """Return the month in which an instant (aware) falls, as a calendar in `timezone` shows
        it."""
        local = instant.astimezone(timezone)
        return cls(local.year, local.month)

    def __str__(self) -> str:
        return f"{self.year:04d}-{self.number:02d}"

    def shift(self, months: int) -> "Month":
        """Return the month that many months later; earlier if negative."""
        index = self.year * 12 + (self.number - 1) + months
        return Month(index // 12, index % 12 + 1)

    def opens_at(self, timezone: tzinfo) -> datetime:
        """Return the first instant of the month, in `timezone`."""
        return datetime(self.year, self.number, 1, tzinfo=timezone)

    def closes_at(self, timezone: tzinfo) -> datetime:
        """Return the first instant after the month, in `timezone`."""
        return self.shift(1).opens_at(timezone)

    def bounds(self, timezone: tzinfo) -> tuple[datetime, datetime]:
        """Return the month as a half-open interval `[opens_at, closes_at)` in UTC."""
        return self.opens_at(timezone).astimezone(UTC), self.closes_at(timezone).astimezone(UTC)


def months_up_to(last: Month, how_many: int) -> list[Month]:
    """Return the `how_many` months that end with `last`, oldest first."""
    return [last.shift(-back) for back in reversed(range(how_many))]


def months_between(first: Month, last: Month) -> list[Month]:
    """Return the months from `first` to `last`, both included, oldest first."""
    found = [first]
    while found[-1] < last:
        found.append(found[-1].shift(1))
    return found
