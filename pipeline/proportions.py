"""What can be said of shares: how sure one is, whether two differ, how far one varies. Pure.

Written out here, in a few formulas: the packages that have them take most of a second to import,
and seconds to run. Tests hold them to statsmodels, and limits to a textbook.
"""

import math
from collections.abc import Sequence
from fractions import Fraction
from statistics import NormalDist
from typing import Literal

_NORMAL = NormalDist()
# Between a p-chart's centre and its limits.
_SIGMAS = 3


def wilson_interval(successes: int, trials: int, alpha: float) -> tuple[float, float]:
    """Return the Wilson score interval of a share (Wilson 1927) that misses it in `alpha` of all
    cases.

    Both ends are from 0 to 1; `trials` is above 0.
    """
    z = _NORMAL.inv_cdf(1 - alpha / 2)
    failures = trials - successes
    middle = successes + z * z / 2
    reach = z * math.sqrt(successes * failures / trials + z * z / 4)
    low, high = (middle - reach) / (trials + z * z), (middle + reach) / (trials + z * z)
    # Where all are alike the end is exact, and rounding must not carry it beyond.
    return (low if successes else 0.0), (high if failures else 1.0)


def compare_shares(successes: tuple[int, int], trials: tuple[int, int]) -> float:
    """Return the two-sided p-value of the z-test of two shares with the pooled variance; 1 for
    equal shares."""
    (a, b), (of_a, of_b) = successes, trials
    if a * of_b == b * of_a:
        return 1.0
    pooled = (a + b) / (of_a + of_b)
    error = math.sqrt(pooled * (1 - pooled) * (1 / of_a + 1 / of_b))
    z = (a / of_a - b / of_b) / error
    return math.erfc(abs(z) / math.sqrt(2))


def reject_by_holm(p_values: Sequence[float], alpha: float) -> list[bool]:
    """Return which of several tests found something, with a chance of `alpha` that any is wrong
    (Holm 1979): from the smallest p-value on, until one is too large for those that are left."""
    rejected = [False] * len(p_values)
    for done, index in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        if p_values[index] > alpha / (len(p_values) - done):
            break
        rejected[index] = True
    return rejected


def control_limits(centre: Fraction, trials: int) -> tuple[float, float]:
    """Return the limits of a p-chart: a share of so many trials lies beyond them by chance in 3 of
    1,000 cases (Shewhart; Montgomery, Introduction to Statistical Quality Control).

    They are three standard deviations from the centre, cut off at 0 and 1; `trials` is above 0.
    """
    reach = _SIGMAS * math.sqrt(centre * (1 - centre) / trials)
    return max(0.0, float(centre) - reach), min(1.0, float(centre) + reach)


def judge_by_limits(
    successes: int, trials: int, centre: Fraction
) -> Literal["above", "below"] | None:
    """Return on which side of the control limits a share lies, by exact numbers; None for a share
    within them or on one."""
    distance = Fraction(successes, trials) - centre
    if distance**2 * trials <= _SIGMAS**2 * centre * (1 - centre):
        return None
    return "above" if distance > 0 else "below"
