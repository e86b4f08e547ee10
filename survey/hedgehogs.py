"""The numbers of hedgehogs fed in each month, which are counted rarely and shown often."""

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from sqlalchemy import Connection

from survey.months import Month, months_up_to
from survey.store.database import Database
from survey.store.errors import StoreError
from survey.store.responses import count_responses, count_responses_before, first_response_at

# The current month grows all the time. A past one changes rarely: by a void, or a late import.
KEEP_CURRENT = timedelta(minutes=1)
KEEP_PAST = timedelta(minutes=10)
# Months that are counted by themselves: an imported answer may be of any year.
SHOWN_MONTHS = 120


@dataclass(frozen=True)
class MonthCount:
    """The hedgehogs of a month, as they were counted at some time."""

    month: Month
    hedgehogs: int
    counted_at: datetime


@dataclass(frozen=True)
class Earlier:
    """The hedgehogs of all months before one, as they were counted at some time."""

    before: Month
    hedgehogs: int
    counted_at: datetime


@dataclass(frozen=True)
class Hedgehogs:
    """The last months in their order, up to the current one, and all before them together."""

    months: list[MonthCount]
    earlier: Earlier

    @property
    def total(self) -> int:
        """The number of hedgehogs fed up to now."""
        return self.earlier.hedgehogs + sum(counted.hedgehogs for counted in self.months)

    @property
    def counted_at(self) -> datetime:
        """The time at which the oldest of the numbers was counted."""
        return min(self.earlier.counted_at, *(each.counted_at for each in self.months))


class HedgehogCounts:
    """The counts of every month from the first response's to the current one, at most SHOWN_MONTHS,
    and of all months before. A count is kept for a while before it is made again.

    The numbers are those of the reports: responses by the month in which they began.
    """

    def __init__(self, database: Database, timezone: tzinfo) -> None:
        self._database = database
        self._timezone = timezone
        self._counting = threading.Lock()
        self._known: Hedgehogs | None = None

    def look_up(self, now: datetime) -> Hedgehogs:
        """Return the counts. Raises StoreError if the store fails and no counts are known yet.

        One thread counts again; other threads meanwhile, and all while the store fails, get the
        counts that were known before.
        """
        known = self._known
        if self._counting.acquire(blocking=known is None):
            try:
                known = self._known = self._count(now)
            except StoreError:
                if known is None:
                    raise
            finally:
                self._counting.release()
        assert known is not None  # without known counts, a thread waits, and then counts or fails
        return known

    def _count(self, now: datetime) -> Hedgehogs:
        known = self._known
        current = Month.of(now, self._timezone)
        if known is not None and known.months[-1].month == current and self._are_fresh(known, now):
            return known
        with self._database.reading() as connection:
            months = self._months(first_response_at(connection), current)
            fresh = self._fresh_months(now)
            counted = [fresh.get(each) or self._month(connection, each, now) for each in months]
            earlier = known.earlier if known else None
            if earlier is None or earlier.before != months[0] or not _is_kept(earlier, now):
                earlier = self._earlier(connection, months[0], now)
        return Hedgehogs(counted, earlier)

    def _month(self, connection: Connection, month: Month, now: datetime) -> MonthCount:
        return MonthCount(month, count_responses(connection, *month.bounds(self._timezone)), now)

    def _earlier(self, connection: Connection, before: Month, now: datetime) -> Earlier:
        opens_at = before.opens_at(self._timezone)
        return Earlier(before, count_responses_before(connection, opens_at), now)

    def _months(self, first: datetime | None, current: Month) -> list[Month]:
        """Return the months that are counted by themselves."""
        months = months_up_to(current, SHOWN_MONTHS)
        if first is None:
            return [current]
        # These are compared as instants, because not every instant has a month in every time zone.
        return [each for each in months if each.closes_at(self._timezone) > first] or [current]

    def _fresh_months(self, now: datetime) -> dict[Month, MonthCount]:
        months = self._known.months if self._known else []
        return {counted.month: counted for counted in months if self._is_fresh(counted, now)}

    def _are_fresh(self, known: Hedgehogs, now: datetime) -> bool:
        months = all(self._is_fresh(counted, now) for counted in known.months)
        return months and _is_kept(known.earlier, now)

    def _is_fresh(self, counted: MonthCount, now: datetime) -> bool:
        was_over = counted.counted_at >= counted.month.closes_at(self._timezone)
        return _is_kept(counted, now, KEEP_PAST if was_over else KEEP_CURRENT)


def _is_kept(counted: MonthCount | Earlier, now: datetime, keep: timedelta = KEEP_PAST) -> bool:
    return timedelta() <= now - counted.counted_at < keep
