"""What looks like ballot stuffing: days on which one team, or one network, has many more unverified
answers than usual. Pure.

Two kinds of series are searched for surges (`pipeline.surges`, where the thresholds are explained):

- for each team, the unverified responses that began on a day, the satisfied ones (rated 4 or 5)
  and the others apart: forged answers are for a team or against it;
- for each team, and for all together, how many unverified answers a single network sent on a day,
  at most.

Nothing is left out of any number: a surge may well be an outage that many customers complain of, or
an office where many answer. Whoever reads the report decides (docs/leads.md).
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

from pipeline.surges import LEAST_KNOWN_DAYS, Series, Surge, find_surges
from survey.scale import SATISFIED
from survey.vocabulary import Trust

LEAST_OF_TEAM = 10
# A customer's office may well answer a dozen times on a day.
LEAST_OF_NETWORK = 20


class Kind(StrEnum):
    """Which answers of a team are many: its satisfied ones, the others, or those of one network."""

    SATISFIED = "satisfied"
    DISSATISFIED = "dissatisfied"
    NETWORK = "network"


class DayResponses(NamedTuple):
    """How many responses of a team began on a day with a rating and a link trust."""

    day: date
    team: str
    rating: int
    trust: str
    responses: int


class LargestNetwork(NamedTuple):
    """How many unverified answers a single network sent to a team on a day, at most; the team is
    None for all together."""

    day: date
    team: str | None
    answers: int


@dataclass(frozen=True)
class DailyCounts:
    """What is searched: of the days of a period, and of the `surges.LOOK_BACK` before."""

    responses: Sequence[DayResponses]
    networks: Sequence[LargestNetwork]


class SeriesKey(NamedTuple):
    """What a series counts, and of which team."""

    kind: Kind
    # None for all teams together.
    team: str | None


@dataclass(frozen=True)
class Effect:
    """The share of satisfied responses of a period, and what it would be without those that are
    suspicious; None where there are no others."""

    share: Fraction
    without: Fraction | None


@dataclass(frozen=True)
class Suspicion:
    """The days of a period on which a team had a surge of one kind, oldest first. The team is None
    for all together; `of_team` is None then, too.

    The effect is that of the unverified responses of these days: the satisfied ones, the others, or
    all of them where it is one network's, because it is not kept which of them are that network's.
    """

    kind: Kind
    team: str | None
    days: tuple[Surge[SeriesKey], ...]
    of_team: Effect | None
    of_all: Effect | None

    @property
    def answers(self) -> int:
        """How many answers these days have."""
        return sum(each.number for each in self.days)


def find_stuffing(
    counted: DailyCounts, days: Sequence[date], listed: Collection[str]
) -> tuple[Suspicion, ...]:
    """Return what looks like ballot stuffing on the days of a period, the most answers first.

    Teams of the list are known from the first unverified response of all teams on, any other team
    from its own first on.
    """
    of_teams = _series_of_teams(counted.responses, listed)
    series = [*of_teams, *_series_of_networks(counted.networks)]
    # Of what has just begun nothing can be said, and it is no test either.
    known_until = days[-1] - timedelta(days=LEAST_KNOWN_DAYS)
    surges = find_surges([each for each in series if each.known_from <= known_until], days)
    by_key: dict[SeriesKey, list[Surge[SeriesKey]]] = defaultdict(list)
    for surge in surges:
        by_key[surge.key].append(surge)
    within = [each for each in counted.responses if days[0] <= each.day <= days[-1]]
    found = [_describe(key, tuple(of_key), within) for key, of_key in by_key.items()]
    return tuple(sorted(found, key=_place))


def _place(found: Suspicion) -> tuple[int, bool, str, Kind]:
    return -found.answers, found.team is None, found.team or "", found.kind


def _series_of_teams(
    responses: Iterable[DayResponses], listed: Collection[str]
) -> list[Series[SeriesKey]]:
    numbers: dict[str, dict[Kind, Counter[date]]] = {}
    first: dict[str, date] = {}
    for each in responses:
        if each.trust == Trust.UNVERIFIED:
            of_team = numbers.setdefault(
                each.team, {Kind.SATISFIED: Counter(), Kind.DISSATISFIED: Counter()}
            )
            of_team[_kind_of(each.rating)][each.day] += each.responses
            first[each.team] = min(first.get(each.team, each.day), each.day)
    earliest = min(first.values(), default=date.max)
    known_from = {team: earliest if team in listed else first[team] for team in first}
    return [
        Series(SeriesKey(kind, team), counted, known_from[team], LEAST_OF_TEAM)
        for team, of_team in sorted(numbers.items())
        for kind, counted in of_team.items()
    ]


def _series_of_networks(networks: Iterable[LargestNetwork]) -> list[Series[SeriesKey]]:
    numbers: dict[str | None, dict[date, int]] = defaultdict(dict)
    for each in networks:
        numbers[each.team][each.day] = each.answers
    # All of them are counted from one day on, that of the release that began with it.
    earliest = min((each.day for each in networks), default=date.max)
    return [
        Series(SeriesKey(Kind.NETWORK, team), counted, earliest, LEAST_OF_NETWORK)
        for team, counted in numbers.items()
    ]


def _kind_of(rating: int) -> Kind:
    return Kind.SATISFIED if rating in SATISFIED else Kind.DISSATISFIED


def _describe(
    key: SeriesKey, surges: tuple[Surge[SeriesKey], ...], within: Sequence[DayResponses]
) -> Suspicion:
    days = {surge.day for surge in surges}
    suspicious = [
        each
        for each in within
        if each.day in days
        and each.trust == Trust.UNVERIFIED
        and key.team in (None, each.team)
        and key.kind in (Kind.NETWORK, _kind_of(each.rating))
    ]
    of_team = None
    if key.team is not None:
        of_team = _measure([each for each in within if each.team == key.team], suspicious)
    return Suspicion(key.kind, key.team, surges, of_team, _measure(within, suspicious))


def _measure(
    responses: Iterable[DayResponses], suspicious: Iterable[DayResponses]
) -> Effect | None:
    satisfied, number = _add_up(responses)
    less_satisfied, less = _add_up(suspicious)
    if not number:
        return None
    left = number - less
    without = Fraction(satisfied - less_satisfied, left) if left else None
    return Effect(Fraction(satisfied, number), without)


def _add_up(responses: Iterable[DayResponses]) -> tuple[int, int]:
    satisfied = number = 0
    for each in responses:
        number += each.responses
        satisfied += each.responses if each.rating in SATISFIED else 0
    return satisfied, number
