"""How often the keys of the rate limits were hit in the present period."""

import threading
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from survey.gathering import MOST_KEYS, Gatherer
from survey.store.database import Database
from survey.store.rate_counts import add_hits, hits_of

PERIOD = timedelta(minutes=10)
# How often a process tells its hits to the others, and hears theirs.
SHARE_SECONDS = 1.0


def period_of(now: datetime) -> int:
    """Return the number of the period that `now` is in."""
    return int(now.timestamp() // PERIOD.total_seconds())


def end_of(period: int) -> datetime:
    """Return when a period ends."""
    return datetime.fromtimestamp((period + 1) * PERIOD.total_seconds(), UTC)


class RateCounts:
    """The hits of this process. They are forgotten when the next period begins."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._period = 0
        self._hits: dict[str, int] = {}

    def take(self, period: int, limits: Sequence[tuple[str, int]]) -> str | None:
        """Count a hit of each of these keys, if none was hit as often as its limit allows. Else
        count nothing, and return the first that was."""
        with self._lock:
            if period != self._period:
                self._begin(period)
            for key, most in limits:
                if self._hits_of(key) >= most:
                    return key
            for key, _ in limits:
                if key in self._hits or len(self._hits) < MOST_KEYS:
                    self._hits[key] = self._hits.get(key, 0) + 1
                    self._note(period, key)
        return None

    def _begin(self, period: int) -> None:
        self._period = period
        self._hits = {}

    def _hits_of(self, key: str) -> int:
        return self._hits.get(key, 0)

    def _note(self, period: int, key: str) -> None:
        pass


class SharedRateCounts(RateCounts):
    """The hits of all processes, by way of the database.

    Nobody waits for the database: a process goes by what it knows, and asks what the others have
    counted once a second. So the processes together let a little more pass than one alone; and
    while the database does not answer, each counts for itself.
    """

    def __init__(self, database: Database, share_seconds: float = SHARE_SECONDS) -> None:
        super().__init__()
        self._database = database
        self._sent: Counter[str] = Counter()
        self._others: dict[str, int] = {}
        self._gatherer: Gatherer[tuple[int, str]] = Gatherer(self._share, share_seconds)

    def _begin(self, period: int) -> None:
        super()._begin(period)
        self._sent = Counter()
        self._others = {}

    def _hits_of(self, key: str) -> int:
        return super()._hits_of(key) + self._others.get(key, 0)

    def _note(self, period: int, key: str) -> None:
        self._gatherer.add((period, key))

    def _share(self, gathered: Counter[tuple[int, str]]) -> None:
        """Add these hits to those of all, and learn what the others have."""
        period = self._period
        hits = {key: number for (of_period, key), number in gathered.items() if of_period == period}
        if not hits:
            return  # their period is over
        # The rows of a period stay for a while when it is over.
        named = {f"{period} {key}": key for key in hits}
        with self._database.writing() as connection:
            add_hits(connection, {name: hits[key] for name, key in named.items()}, end_of(period))
            totals = hits_of(connection, list(named))
        with self._lock:
            if period == self._period:
                self._sent.update(hits)
                for name, total in totals.items():
                    key = named[name]
                    self._others[key] = total - self._sent[key]
