"""Days that have many more than usual: hardly ever by chance, always where many are forged."""

import math
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pipeline.surges import LOOK_BACK, Series, chance_of, find_surges

FIRST = date(2026, 10, 1)
DAYS = [FIRST + timedelta(days=number) for number in range(31)]
BEGIN = FIRST - LOOK_BACK


def series(numbers, least=10, key="surveys"):
    """A series whose numbers follow each other from the day on from which it is known."""
    return Series(key, dict(zip(_days(), numbers, strict=False)), BEGIN, least)


def _days():
    day = BEGIN
    while True:
        yield day
        day += timedelta(days=1)


def surges(*given, least=10):
    return [(each.day.day, each.number) for each in find_surges([series(given, least)], DAYS)]


USUAL = [5, 7, 3, 6, 4, 1, 2] * 16  # the sixteen weeks before


class TestASurge:
    def test_is_a_day_with_many_more_than_usual(self):
        (found,) = find_surges([series([*USUAL, 5, 45, 6])], DAYS)
        assert (found.key, found.day, found.number) == ("surveys", date(2026, 10, 2), 45)
        assert (found.usual, found.busiest) == (pytest.approx(4, abs=0.1), 7)

    def test_is_no_busy_day(self):
        assert surges(*USUAL, 14) == []
        assert surges(*USUAL, 11, 13, 9) == []

    def test_needs_more_than_twice_the_busiest_day(self):
        busy_now_and_then = [5, 7, 3, 6, 4, 1, 2, 5, 7, 3, 6, 13, 1, 2] * 8
        assert surges(*busy_now_and_then, 26) == []
        assert surges(*busy_now_and_then, 27) == [(1, 27)]

    def test_of_few_answers_is_none(self):
        quiet = [0] * 112
        assert surges(*quiet, 9) == []
        assert surges(*quiet, 10) == [(1, 10)]
        assert surges(*quiet, 19, least=20) == []

    def test_is_none_by_chance_alone(self):
        # Days as uneven as these may well have 30 one day.
        uneven = [0, 0, 12, 0, 1, 14, 0] * 16
        assert surges(*uneven, 30) == []

    def test_needs_four_weeks_that_are_known(self):
        def known_for(days):
            known_from = DAYS[0] - timedelta(days=days)
            one = Series("surveys", {DAYS[0]: 40}, known_from, 10)
            return [each.day for each in find_surges([one], DAYS)]

        assert known_for(27) == []
        assert known_for(28) == [DAYS[0]]

    def test_does_not_hide_the_next_one(self):
        assert surges(*USUAL, 45, 44, 46) == [(1, 45), (2, 44), (3, 46)]
        # Nor does one of the weeks before.
        assert surges(*USUAL[:-3], 60, 5, 4, 45) == [(1, 45)]

    def test_that_stays_is_the_usual_after_two_weeks(self):
        assert [day for day, _ in surges(*USUAL, *[45] * 31)] == list(range(1, 16))

    def test_of_one_series_is_none_of_another(self):
        other = series([*USUAL, 5, 5], key="experiments")
        found = find_surges([series([*USUAL, 5, 45]), other], DAYS)
        assert [each.key for each in found] == ["surveys"]

    def test_is_nowhere_without_days_or_series(self):
        assert find_surges([], DAYS) == []
        assert find_surges([series(USUAL)], []) == []


@given(st.floats(0.01, 200), st.just(0.0) | st.floats(1e-3, 20), st.integers(1, 400))
def test_the_chance_is_that_of_the_distribution(mean, more_variance, above):
    number = math.ceil(mean) + above
    variance = mean * (1 + more_variance)
    if variance > mean:
        size, share = mean**2 / (variance - mean), mean / variance
        expected = stats.nbinom.sf(number - 1, size, share)
    else:
        expected = stats.poisson.sf(number - 1, mean)
    assert chance_of(number, mean, variance) == pytest.approx(expected, rel=1e-6, abs=1e-250)


def test_the_chance_is_poissons_where_the_variance_is_hardly_above_the_mean():
    expected = pytest.approx(stats.poisson.sf(30, 30), rel=1e-6)
    assert chance_of(31, 30.0, 30.0 * (1 + 1e-12)) == expected
    assert chance_of(31, 30.0, 29.0) == expected


# How many answers come on which day of the week, against the mean of weekdays.
WEEK = np.array([1.2, 1.1, 1, 1, 0.9, 0.25, 0.2])
# Of how many answers which network sends how many: a few carriers and offices, and many homes.
NETWORKS = 1 / np.arange(3, 63) ** 1.1
NETWORKS *= 0.6 / NETWORKS.sum()
NETWORKS = np.append(NETWORKS, 1 - NETWORKS.sum())
YEARS = 8
SOME_YEARS = [date(2018, 1, 1) + timedelta(days=number) for number in range(365 * YEARS)]


def ordinary_years(random):
    """The series of nine teams, large and small, over some years: with weekdays and weekends, days
    that are a fifth better or worse than others, and growth that comes and goes."""
    weekday = np.array([day.weekday() for day in SOME_YEARS])
    for team, mean in enumerate((0.1, 0.3, 1, 3, 5, 10, 20, 40, 80)):
        trend = np.exp(0.1 * np.cumsum(random.normal(0, 0.03, len(SOME_YEARS))))
        uneven = random.gamma(25, 1 / 25, len(SOME_YEARS))
        answers = random.poisson(mean * WEEK[weekday] * trend * uneven)
        satisfied = random.binomial(answers, random.uniform(0.6, 0.95))
        largest = random.multinomial(answers, NETWORKS)[:, :-1].max(axis=1)
        for kind, numbers, least in (
            ("satisfied", satisfied, 10),
            ("dissatisfied", answers - satisfied, 10),
            ("network", largest, 20),
        ):
            found = {day: int(n) for day, n in zip(SOME_YEARS, numbers, strict=True) if n}
            yield Series((kind, team), found, SOME_YEARS[0], least)


def months_of(days):
    """Months of thirty days that are known well enough."""
    return [days[begin : begin + 30] for begin in range(LOOK_BACK.days, len(days) - 30, 30)]


def test_of_a_thousand_ordinary_months_hardly_one_is_noticed():
    random = np.random.default_rng(20261014)
    months = noticed = 0
    while months < 1_000:
        teams = list(ordinary_years(random))
        for month in months_of(SOME_YEARS):
            months += 1
            noticed += bool(find_surges(teams, month))
    assert noticed < months / 100


@pytest.mark.parametrize("forged", [40, 30])
def test_forged_answers_to_a_team_of_five_a_day_are_found(forged):
    random = np.random.default_rng(forged)
    others = [series(random.poisson(5, LOOK_BACK.days + 31), key=key) for key in range(17)]
    found = 0
    for _ in range(200):
        usual = random.poisson(0.8 * 5 * random.gamma(25, 1 / 25, LOOK_BACK.days + 31))
        attacked = int(random.integers(0, 31))
        usual[LOOK_BACK.days + attacked] += forged
        surges = find_surges([series(usual), *others], DAYS)
        found += ("surveys", DAYS[attacked]) in [(each.key, each.day) for each in surges]
    assert found >= {40: 200, 30: 195}[forged]
