"""Counts of the store by day, kept as long as nothing of the day changes.

A report of a year adds up some hundred days. An answer changes the version of its day
(`survey.store.changes`), so that only this day is counted again.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, date, timedelta, tzinfo
from typing import NamedTuple

from sqlalchemy import Connection

from pipeline.invitations import CountedInvitations
from pipeline.stuffing import DailyCounts, DayResponses, LargestNetwork
from pipeline.versioned_cache import VersionedCache
from survey.counting_rules import CountingRules
from survey.periods import Period, day_bounds
from survey.store import counting
from survey.store.changes import day_versions
from survey.store.invitations import count_invited
from survey.store.largest_networks import count_largest_networks
from survey.vocabulary import Outcome

# More than the days of three years, and more periods than the trends of some filters have.
_MOST_DAYS = 1_200
_MOST_PERIODS = 400


class CountedResponses(NamedTuple):
    """How many responses have these values, and how many of them have a comment."""

    team: str
    rating: int
    trust: str
    language: str | None
    responses: int
    comments: int


class DayVersions:
    """The versions of all days that a report may look at, as one state of the store has them."""

    def __init__(self, connection: Connection, first: date, last: date, timezone: tzinfo) -> None:
        # A day of a calendar begins and ends on another day of UTC.
        around = timedelta(days=1)
        self._versions = day_versions(connection, first - around, last + around)
        self._timezone = timezone

    def of(self, days: Iterable[date]) -> tuple[int, ...]:
        """Return what changes with every change of these days."""
        utc_days = sorted({utc_day for day in days for utc_day in self._utc_days(day)})
        return tuple(self._versions.get(day, 0) for day in utc_days)

    def _utc_days(self, day: date) -> tuple[date, date]:
        opens_at, closes_at = day_bounds(day, self._timezone)
        last = closes_at - timedelta(microseconds=1)
        return opens_at.astimezone(UTC).date(), last.astimezone(UTC).date()


class StoreCounts:
    """Counts of days and of periods, with what was counted before."""

    def __init__(self, rules: CountingRules) -> None:
        self._rules = rules
        self._days: VersionedCache[list[CountedResponses]] = VersionedCache(_MOST_DAYS)
        self._periods: VersionedCache[list[CountedResponses]] = VersionedCache(_MOST_PERIODS)
        self._outcomes: VersionedCache[Mapping[Outcome, int]] = VersionedCache(_MOST_DAYS)
        self._networks: VersionedCache[Mapping[str | None, int]] = VersionedCache(_MOST_DAYS)
        self._invited: VersionedCache[list[CountedInvitations]] = VersionedCache(_MOST_DAYS)
        self._invited_of_periods: VersionedCache[list[CountedInvitations]] = VersionedCache(
            _MOST_PERIODS
        )

    def count_responses(
        self, connection: Connection, period: Period, versions: DayVersions
    ) -> list[CountedResponses]:
        """Return how many responses that began in a period have which values."""
        days = list(period.days())
        return self._periods.get(
            period,
            versions.of(days),
            lambda: _add_up(self._count_day(connection, day, versions) for day in days),
        )

    def count_outcomes(
        self, connection: Connection, period: Period, versions: DayVersions
    ) -> dict[Outcome, int]:
        """Return how many answers of a period had which outcome."""
        total: Counter[Outcome] = Counter()
        for day in period.days():
            total.update(self._count_outcomes_of(connection, day, versions))
        return dict(total)

    def count_by_day(
        self, connection: Connection, days: Iterable[date], versions: DayVersions
    ) -> DailyCounts:
        """Return how many responses began on each of these days, and how many unverified answers
        came from one network. A network's days are those of UTC."""
        responses: list[DayResponses] = []
        networks: list[LargestNetwork] = []
        for day in days:
            counted: Counter[tuple[str, int, str]] = Counter()
            for each in self._count_day(connection, day, versions):
                counted[each.team, each.rating, each.trust] += each.responses
            responses.extend(DayResponses(day, *key, number) for key, number in counted.items())
            largest = self._count_networks(connection, day, versions)
            networks.extend(LargestNetwork(day, *each) for each in largest.items())
        return DailyCounts(responses, networks)

    def count_invited(
        self, connection: Connection, period: Period, versions: DayVersions
    ) -> list[CountedInvitations]:
        """Return how many invitations that were sent in a period have which values."""
        days = list(period.days())
        return self._invited_of_periods.get(
            period,
            versions.of(days),
            lambda: _add_up_invited(
                self._count_invited_on(connection, day, versions) for day in days
            ),
        )

    def _count_invited_on(
        self, connection: Connection, day: date, versions: DayVersions
    ) -> list[CountedInvitations]:
        bounds = day_bounds(day, self._rules.timezone)
        return self._invited.get(
            day,
            versions.of([day]),
            lambda: [CountedInvitations(*row) for row in count_invited(connection, *bounds)],
        )

    def _count_day(
        self, connection: Connection, day: date, versions: DayVersions
    ) -> list[CountedResponses]:
        bounds = day_bounds(day, self._rules.timezone)
        return self._days.get(
            day,
            versions.of([day]),
            lambda: [
                CountedResponses(*row) for row in counting.count_by_values(connection, *bounds)
            ],
        )

    def _count_networks(
        self, connection: Connection, day: date, versions: DayVersions
    ) -> Mapping[str | None, int]:
        # They are counted with the answers, which change the version.
        return self._networks.get(
            day, versions.of([day]), lambda: count_largest_networks(connection, day)
        )

    def _count_outcomes_of(
        self, connection: Connection, day: date, versions: DayVersions
    ) -> Mapping[Outcome, int]:
        bounds = day_bounds(day, self._rules.timezone)
        return self._outcomes.get(
            day,
            versions.of([day]),
            lambda: counting.count_outcomes(connection, *bounds, self._rules),
        )


def _add_up(days: Iterable[list[CountedResponses]]) -> list[CountedResponses]:
    responses: Counter[tuple[str, int, str, str | None]] = Counter()
    comments: Counter[tuple[str, int, str, str | None]] = Counter()
    for day in days:
        for *values, number, commented in day:
            key = tuple(values)
            responses[key] += number  # type: ignore[index]
            comments[key] += commented  # type: ignore[index]
    return [CountedResponses(*key, number, comments[key]) for key, number in responses.items()]


def _add_up_invited(days: Iterable[list[CountedInvitations]]) -> list[CountedInvitations]:
    invitations: Counter[tuple[str, str, str | None]] = Counter()
    answered: Counter[tuple[str, str, str | None]] = Counter()
    for day in days:
        for each in day:
            values = (each.team, each.plan, each.language)
            invitations[values] += each.invitations
            answered[values] += each.answered
    return [
        CountedInvitations(*values, number, answered[values])
        for values, number in invitations.items()
    ]
