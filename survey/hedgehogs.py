"""The numbers of hedgehogs fed in each month, which are counted rarely and shown often."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

from sqlalchemy import Connection

from survey.months import Month, months_up_to
from survey.store.database import Database
from survey.store.errors import StoreError
from survey.store.ledger import find_charity_name, hedgehogs_by_month
from survey.store.responses import count_responses, count_responses_before, first_response_at

# The current month grows all the time. A past one changes rarely: by a void, or a late import.
KEEP_CURRENT = timedelta(minutes=1)
KEEP_PAST = timedelta(minutes=10)
# Months that are counted by themselves: an imported answer may be of any year.
SHOWN_MONTHS = 120


@dataclass(frozen=True)
class MonthCount:
    """The responses of a month, as they were counted at some time."""

    month: Month
    responses: int
    counted_at: datetime


@dataclass(frozen=True)
class Earlier:
    """The responses of all months before one, as they were counted at some time; and how many of
    them are of closed months."""

    before: Month
    responses: int
    of_closed: int
    counted_at: datetime


@dataclass(frozen=True)
class FedMonth:
    """The hedgehogs of a month: those that the ledger has, if it is closed, else one for each
    response up to now."""

    month: Month
    hedgehogs: int
    is_closed: bool


@dataclass(frozen=True)
class Hedgehogs:
    """The counts of the last months in their order, up to the current one, and of all before them
    together; what the donation ledger has for each closed month; and the charity that it names for
    the current one."""

    counts: list[MonthCount]
    earlier_counts: Earlier
    ledger: Mapping[Month, int]
    charity_name: str | None = None

    @property
    def months(self) -> list[FedMonth]:
        """The last months in their order, up to the current one."""
        return [
            FedMonth(
                each.month,
                self.ledger.get(each.month, each.responses),
                is_closed=each.month in self.ledger,
            )
            for each in self.counts
        ]

    @property
    def earlier(self) -> int:
        """The hedgehogs of all months before those."""
        counted = self.earlier_counts
        of_closed = sum(fed for month, fed in self.ledger.items() if month < counted.before)
        return counted.responses - counted.of_closed + of_closed

    @property
    def total(self) -> int:
        """The number of hedgehogs fed up to now: one for each response."""
        return self.earlier_counts.responses + sum(each.responses for each in self.counts)

    @property
    def closed(self) -> int:
        """The hedgehogs of all closed months."""
        return sum(self.ledger.values())

    @property
    def running(self) -> int:
        """The hedgehogs of all other months, up to now."""
        earlier = self.earlier_counts.responses - self.earlier_counts.of_closed
        return earlier + sum(each.hedgehogs for each in self.months if not each.is_closed)

    @property
    def unsettled(self) -> int:
        """How many responses closed months have more than the ledger, or less if negative: a later
        close will settle that."""
        return self.total - self.closed - self.running

    @property
    def counted_at(self) -> datetime:
        """The time at which the oldest of the numbers was counted."""
        return min(self.earlier_counts.counted_at, *(each.counted_at for each in self.counts))


class HedgehogCounts:
    """The counts of every month from the first response's to the current one, at most SHOWN_MONTHS,
    and of all months before. A count is kept for a while before it is made again.

    The counts are those of the reports: responses by the month in which they began. What the
    ledger has is read whenever anything is counted, so that no month is shown as open for long
    after its close. Where the ledger has changed, everything is counted anew: a close settles what
    has changed in other months, and old counts would show these changes a second time.
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
        if known is not None and known.counts[-1].month == current and self._are_fresh(known, now):
            return known
        with self._database.reading() as connection:
            ledger = hedgehogs_by_month(connection)
            kept = known if known is not None and known.ledger == ledger else None
            months = self._months(first_response_at(connection), ledger, current)
            fresh = self._fresh_counts(kept, now)
            counts = [fresh.get(each) or self._month(connection, each, now) for each in months]
            earlier = kept.earlier_counts if kept else None
            if earlier is None or earlier.before != months[0] or not _is_kept(earlier, now):
                earlier = self._earlier(connection, months[0], ledger, now)
            charity_name = find_charity_name(connection, current)
        return Hedgehogs(counts, earlier, ledger, charity_name)

    def _month(self, connection: Connection, month: Month, now: datetime) -> MonthCount:
        return MonthCount(month, count_responses(connection, *month.bounds(self._timezone)), now)

    def _earlier(
        self, connection: Connection, before: Month, ledger: Mapping[Month, int], now: datetime
    ) -> Earlier:
        responses = count_responses_before(connection, before.opens_at(self._timezone))
        closed = [month for month in ledger if month < before]
        of_closed = 0
        if closed:  # these months follow each other without a gap
            opens_at, _ = min(closed).bounds(self._timezone)
            _, closes_at = max(closed).bounds(self._timezone)
            of_closed = count_responses(connection, opens_at, closes_at)
        return Earlier(before, responses, of_closed, now)

    def _months(
        self, first: datetime | None, ledger: Mapping[Month, int], current: Month
    ) -> list[Month]:
        """Return the months that are counted by themselves."""
        return [
            each
            for each in months_up_to(current, SHOWN_MONTHS)
            if each == current
            # These are compared as instants, because not every instant has a month in every time
            # zone.
            or (first is not None and first < each.closes_at(self._timezone))
            or (ledger and min(ledger) <= each)
        ]

    def _fresh_counts(self, kept: Hedgehogs | None, now: datetime) -> dict[Month, MonthCount]:
        counts = kept.counts if kept else []
        return {counted.month: counted for counted in counts if self._is_fresh(counted, now)}

    def _are_fresh(self, known: Hedgehogs, now: datetime) -> bool:
        months = all(self._is_fresh(counted, now) for counted in known.counts)
        return months and _is_kept(known.earlier_counts, now)

    def _is_fresh(self, counted: MonthCount, now: datetime) -> bool:
        was_over = counted.counted_at >= counted.month.closes_at(self._timezone)
        return _is_kept(counted, now, KEEP_PAST if was_over else KEEP_CURRENT)


def _is_kept(counted: MonthCount | Earlier, now: datetime, keep: timedelta = KEEP_PAST) -> bool:
    return timedelta() <= now - counted.counted_at < keep
