"""How many hedgehogs were fed in each month: counted rarely, shown often."""

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from survey.months import Month
from survey.store.database import Database
from survey.store.errors import StoreError
from survey.store.responses import count_responses, first_response_at

# The current month grows all the time. A past one changes rarely: by a void, or a late import.
KEEP_CURRENT = timedelta(minutes=1)
KEEP_PAST = timedelta(minutes=10)


@dataclass(frozen=True)
class MonthCount:
    """The hedgehogs of a month, as they were counted at some time."""

    month: Month
    hedgehogs: int
    counted_at: datetime


class HedgehogCounts:
    """Every month from that of the first response to the current one, counted at most so often.

    The numbers are those of the reports: responses by the month in which they began.
    """

    def __init__(self, database: Database, timezone: tzinfo) -> None:
        self._database = database
        self._timezone = timezone
        self._counting = threading.Lock()
        self._months: list[MonthCount] = []

    def months(self, now: datetime) -> list[MonthCount]:
        """The months in their order; raises StoreError where nothing is known yet.

        One thread counts anew; who comes meanwhile, or while the store fails, gets what was
        known before.
        """
        known = self._months
        if self._counting.acquire(blocking=not known):
            try:
                self._months = self._count(now)
            except StoreError:
                if not known:
                    raise
            finally:
                self._counting.release()
        return self._months

    def _count(self, now: datetime) -> list[MonthCount]:
        known = {counted.month: counted for counted in self._months}
        current = Month.of(now, self._timezone)
        if current in known and all(self._is_fresh(counted, now) for counted in self._months):
            return self._months
        with self._database.reading() as connection:
            first = first_response_at(connection)
            month = min(current, Month.of(first, self._timezone)) if first else current
            months = []
            while month <= current:
                counted = known.get(month)
                if counted is None or not self._is_fresh(counted, now):
                    hedgehogs = count_responses(connection, *month.bounds(self._timezone))
                    counted = MonthCount(month, hedgehogs, now)
                months.append(counted)
                month = month.shift(1)
        return months

    def _is_fresh(self, counted: MonthCount, now: datetime) -> bool:
        was_over = counted.counted_at >= counted.month.closes_at(self._timezone)
        keep = KEEP_PAST if was_over else KEEP_CURRENT
        return timedelta() <= now - counted.counted_at < keep
