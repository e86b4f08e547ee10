"""Days that have many more of something than usual. Pure.

A day is a surge if all of these hold:

- It has at least `least` of it: small teams are not noticed for nothing.
- It has more than twice as many as the busiest of the 56 days before. Eight weeks hold eight of
  each weekday and two ends of a month; two days that arrive on one, after an outage, are no more
  than twice the busiest day.
- So many are too unlikely for chance: the chance of as many or more by a negative binomial
  distribution with the mean of the days before and their variance, which is never taken to be below
  the mean (then it is Poisson's). By Holm's method over all days and series that are tested, a
  report without any attack shows a surge in at most 1 of 1,000 cases, as far as the days are alike;
  the rule of twice the busiest makes it rarer.

Surges are left out of the usual of later days, so that an attack of several days does not hide
itself; but no more than 14 of 56, so that a lasting change becomes the usual after two weeks. Where
fewer than 28 days are known, nothing is said.
"""

import math
from collections import deque
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Generic, TypeVar

from pipeline.proportions import reject_by_holm

USUAL_DAYS = 56
LEAST_KNOWN_DAYS = 28
MOST_LEFT_OUT = 14
TIMES_THE_BUSIEST = 2
ALPHA = 0.001
# The usual of the first day of a report needs the surges among the days before it, and those need
# the days before them.
LOOK_BACK = timedelta(days=2 * USUAL_DAYS)

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Series(Generic[Key]):
    """How many of something each day has; a day without a number has none. It is known from a day
    on, and fewer than `least` on a day are no surge."""

    key: Key
    numbers: Mapping[date, int]
    known_from: date
    least: int


@dataclass(frozen=True)
class Surge(Generic[Key]):
    """A day of a series that has many more than usual: the usual is the mean of the days before,
    and the number of the busiest of them."""

    key: Key
    day: date
    number: int
    usual: float
    busiest: int


def find_surges(series: Sequence[Series[Key]], days: Sequence[date]) -> list[Surge[Key]]:
    """Return the surges among these days, which follow each other, in the order of the series."""
    if not series or not days:
        return []
    tests = len(series) * len(days)
    found = [each for one in series for each in _judge(one, days, ALPHA / tests)]
    # Days that are no candidates are tests as well: they found nothing.
    chances = [chance for _, chance in found] + [1.0] * (tests - len(found))
    rejected = reject_by_holm(chances, ALPHA)
    return [surge for (surge, _), is_surge in zip(found, rejected, strict=False) if is_surge]


def chance_of(number: int, mean: float, variance: float) -> float:
    """Return the chance of so many or more by a negative binomial distribution of this mean and
    variance, and by Poisson's where the variance is not above the mean.

    `number` is above the mean, which is above 0.
    """
    excess = max(variance - mean, 0.0)
    variance = mean + excess
    # The chance of none, and then of one more each time: nothing here is the small difference of
    # two large numbers, however little the variance is above the mean.
    ratio = excess / mean
    logarithm = -mean * (math.log1p(ratio) / ratio if ratio else 1.0)
    for count in range(number):
        logarithm += math.log((mean * mean + count * excess) / variance / (count + 1))
    term = total = math.exp(logarithm)
    while term > total * 1e-12:
        term *= (mean * mean + number * excess) / variance / (number + 1)
        total += term
        number += 1
    return min(total, 1.0)


def _judge(
    series: Series[Key], days: Sequence[date], clear: float
) -> list[tuple[Surge[Key], float]]:
    """Return the days that may be surges, with the chance of each. `clear` is the chance up to
    which a day is left out of the usual of later ones."""
    if max(series.numbers.values(), default=0) < series.least:
        return []
    found = []
    usual: deque[int] = deque(maxlen=USUAL_DAYS)
    left_out: list[date] = []
    begin = max(series.known_from, days[0] - LOOK_BACK)
    for day in (begin + timedelta(days=each) for each in range((days[-1] - begin).days + 1)):
        number = series.numbers.get(day, 0)
        surge = _find_surge(series, day, number, usual)
        if surge is not None:
            chance = _chance_by(usual, number)
            if day >= days[0]:
                found.append((surge, chance))
            left_out = [each for each in left_out if day - each < timedelta(days=USUAL_DAYS)]
            if chance <= clear and len(left_out) < MOST_LEFT_OUT:
                left_out.append(day)
                continue
        usual.append(number)
    return found


def _find_surge(
    series: Series[Key], day: date, number: int, usual: Collection[int]
) -> Surge[Key] | None:
    if number < series.least or len(usual) < LEAST_KNOWN_DAYS:
        return None
    busiest = max(usual)
    if number <= TIMES_THE_BUSIEST * busiest:
        return None
    return Surge(series.key, day, number, sum(usual) / len(usual), busiest)


def _chance_by(usual: Collection[int], number: int) -> float:
    """Return the chance of so many or more on a day that is like the usual ones. Half an answer is
    added to them, because none on 56 days does not say that there can be none."""
    known = len(usual)
    mean = (sum(usual) + 0.5) / known
    variance = sum((each - mean) ** 2 for each in usual) / (known - 1)
    # A day to come differs from the mean by its own spread, and by that of the mean.
    return chance_of(number, mean, max(variance, mean) * (1 + 1 / known))
