"""Periods that a report can be about: months, quarters, years and free ranges of days. Pure."""

import re
from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

from survey.months import Month

_QUARTER_TEXT = re.compile(r"(\d{4})-Q([1-4])", re.ASCII)
_YEAR_TEXT = re.compile(r"\d{4}", re.ASCII)
_RANGE_TEXT = re.compile(r"(\d{4}-\d\d-\d\d)\.\.(\d{4}-\d\d-\d\d)", re.ASCII)
# A report looks back over more than a year, and a year's over more than a decade.
EARLIEST, LATEST = date(1000, 1, 1), date(9000, 12, 31)
LONGEST_RANGE = timedelta(days=3 * 366)


@dataclass(frozen=True, order=True)
class Period:
    """Some days of the calendar, both ends included. `months` is how many calendar months they are;
    0 for a free range."""

    first: date
    last: date
    months: int

    @classmethod
    def parse(cls, text: str) -> "Period":
        """Return the period written `2026-10`, `2026-Q4`, `2026` or `2026-10-01..2026-10-28`;
        raises ValueError for anything else."""
        if match := _RANGE_TEXT.fullmatch(text):
            return cls._of_days(match[1], match[2])
        if (match := _QUARTER_TEXT.fullmatch(text)) and int(match[1]):
            period = cls._of_months(Month(int(match[1]), 3 * int(match[2]) - 2), 3)
        elif _YEAR_TEXT.fullmatch(text) and int(text):
            period = cls._of_months(Month(int(text), 1), 12)
        else:
            try:
                period = cls.of_month(Month.parse(text))
            except ValueError:
                raise ValueError(
                    f"{text!r} is no period; write it as 2026-10, 2026-Q4, 2026 or "
                    "2026-10-01..2026-10-28"
                ) from None
        if not EARLIEST.year <= period.first.year <= LATEST.year:
            raise ValueError(f"{period.first.year} is not a year that a report can be about")
        return period

    @classmethod
    def of_month(cls, month: Month) -> "Period":
        """Return a calendar month as a period."""
        return cls._of_months(month, 1)

    @classmethod
    def of_quarter(cls, day: date) -> "Period":
        """Return the quarter that a day belongs to."""
        return cls._of_months(Month(day.year, (day.month - 1) // 3 * 3 + 1), 3)

    @classmethod
    def of_year(cls, day: date) -> "Period":
        """Return the year that a day belongs to."""
        return cls._of_months(Month(day.year, 1), 12)

    @classmethod
    def of_week(cls, day: date) -> "Period":
        """Return the week, from Monday to Sunday, that a day belongs to."""
        monday = day - timedelta(days=day.weekday())
        return cls(monday, monday + timedelta(days=6), 0)

    @classmethod
    def _of_months(cls, month: Month, months: int) -> "Period":
        last = month.shift(months - 1)
        last_day = monthrange(last.year, last.number)[1]
        return cls(
            date(month.year, month.number, 1), date(last.year, last.number, last_day), months
        )

    @classmethod
    def _of_days(cls, first_text: str, last_text: str) -> "Period":
        try:
            first, last = date.fromisoformat(first_text), date.fromisoformat(last_text)
        except ValueError:
            raise ValueError(f"{first_text}..{last_text} names a day that does not exist") from None
        if last < first:
            raise ValueError(f"{first_text}..{last_text} ends before it begins")
        if first < EARLIEST or last > LATEST or last - first > LONGEST_RANGE:
            raise ValueError(
                f"{first_text}..{last_text} is longer than three years, or too far off"
            )
        return cls(first, last, 0)

    @property
    def name(self) -> str:
        """The period as it is written in addresses, and in the column `month`."""
        match self.months:
            case 1:
                return f"{self.first:%Y-%m}"
            case 3:
                return f"{self.first.year:04d}-Q{(self.first.month + 2) // 3}"
            case 12:
                return f"{self.first.year:04d}"
        return f"{self.first}..{self.last}"

    def __str__(self) -> str:
        return self.name

    @property
    def month(self) -> Month | None:
        """The calendar month that this is; None for any other period."""
        return self._first_month if self.months == 1 else None

    @property
    def _first_month(self) -> Month:
        return Month(self.first.year, self.first.month)

    @property
    def number_of_days(self) -> int:
        """How many days the period has."""
        return (self.last - self.first).days + 1

    def shift(self, periods: int) -> "Period":
        """Return the period that many periods later; earlier if negative. Equally many days, or
        equally many calendar months."""
        if self.months:
            return self._of_months(self._first_month.shift(periods * self.months), self.months)
        step = timedelta(days=periods * self.number_of_days)
        return Period(self.first + step, self.last + step, 0)

    def year_before(self) -> "Period":
        """Return the same period of the year before; of a free range, the days 52 weeks earlier, so
        that weekdays stay the same."""
        if self.months:
            return self._of_months(self._first_month.shift(-12), self.months)
        step = timedelta(weeks=52)
        return Period(self.first - step, self.last - step, 0)

    def up_to(self, how_many: int) -> "list[Period]":
        """Return the `how_many` periods that end with this one, oldest first."""
        return [self.shift(-back) for back in reversed(range(how_many))]

    def days(self) -> Iterator[date]:
        """Yield the days of the period, in their order."""
        for number in range(self.number_of_days):
            yield self.first + timedelta(days=number)

    def bounds(self, timezone: tzinfo) -> tuple[datetime, datetime]:
        """Return the period as a half-open interval `[opens_at, closes_at)` in UTC."""
        return day_bounds(self.first, timezone)[0], day_bounds(self.last, timezone)[1]


def day_bounds(day: date, timezone: tzinfo) -> tuple[datetime, datetime]:
    """Return a day of the calendar as a half-open interval `[opens_at, closes_at)` in UTC."""
    return _opens_at(day, timezone), _opens_at(day + timedelta(days=1), timezone)


def _opens_at(day: date, timezone: tzinfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=timezone).astimezone(UTC)
