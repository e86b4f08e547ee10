"""Loads the numbers of reports from the store, and keeps them as long as nothing has changed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from pipeline.donations.ledger import Ledger
from pipeline.metrics import trend_periods
from pipeline.query import ReportQuery
from pipeline.report import ReportNumbers, compared_periods, number_report
from pipeline.sources.store import StoreSource
from pipeline.sources.store_waits import read_waits
from pipeline.targets import Waits, number_targets
from pipeline.versioned_cache import VersionedCache
from survey.counting_rules import CountingRules
from survey.settings import Settings
from survey.store.changes import waits_version
from survey.store.database import Database
from survey.store.ledger import read_entries, read_head
from survey.store.marks import Mark, list_marks
from survey.store.targets import has_tickets

# Each holds the comments of its period.
_MOST_REPORTS = 32


@dataclass(frozen=True)
class _Loaded:
    """The numbers of a report without those of response targets, and the waits that those are made
    of: what is overdue changes with time alone."""

    numbers: ReportNumbers
    waits: Waits | None


class ReportLoader:
    """Loads reports from the store. A report that was loaded before is made anew only where an
    answer of its periods, a wait for a reply, a mark, or the donation ledger has changed since."""

    def __init__(
        self, database: Database, settings: Settings, clock: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock
        self._reports: VersionedCache[_Loaded] = VersionedCache(_MOST_REPORTS)
        self.source = StoreSource(database, CountingRules.of(settings))

    def load(self, query: ReportQuery) -> ReportNumbers:
        """Return the report of a query.

        Raises StoreError, and counting.ResponsesOutdated while responses are derived anew.
        """
        # The version is read before the data. So data that is newer than its version is loaded
        # again the next time, and never the other way round.
        as_of = self._clock()
        periods = compared_periods(query.period)
        version = self.source.find_version(query, periods)
        with self._database.reading() as connection:
            marks, head = list_trend_marks(connection, query), read_head(connection)
            has_targets, waits = has_tickets(connection), waits_version(connection)
        loaded = self._reports.get(
            query,
            (version, tuple(marks), head, has_targets, waits),
            lambda: self._count(query, marks, as_of),
        )
        targets = None
        if loaded.waits is not None:
            settings = self._settings
            targets = number_targets(loaded.waits, settings.targets, settings.timezone, as_of)
        return replace(loaded.numbers, as_of=as_of, targets=targets)

    def _count(self, query: ReportQuery, marks: Sequence[Mark], as_of: datetime) -> _Loaded:
        counted = self.source.count_query(query, compared_periods(query.period))
        with self._database.reading() as connection:
            ledger = Ledger(read_entries(connection))
            waits = read_waits(connection, query, self._settings, with_responses=True)
        numbers = number_report(
            counted,
            query,
            self._settings,
            source=self.source.description,
            ledger=ledger,
            as_of=as_of,
            marks=marks,
        )
        return _Loaded(numbers, waits)


def list_trend_marks(connection: Connection, query: ReportQuery) -> list[Mark]:
    """Return the marks within the trend of a report."""
    return list_marks(connection, trend_periods(query.period)[0].first, query.period.last)
