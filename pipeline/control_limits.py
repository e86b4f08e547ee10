"""How far a team's CSAT varies by chance alone: the limits of a p-chart, period by period. Pure.

What lies beyond the limits is a signal; what lies within them is noise, however it looks.
"""

from collections.abc import Iterable
from fractions import Fraction

import pandas as pd

from pipeline.metrics import FEWEST_TO_COMPARE, round_exactly, round_float
from pipeline.proportions import control_limits, judge_by_limits
from pipeline.schemas import LIMITS, frame_rows

# With fewer periods behind it, a limit is itself too uncertain to judge by.
FEWEST_PERIODS = 8
# With fewer periods before the last one, the centre is that of all periods.
FEWEST_PERIODS_BEFORE = 3

# A row of the trend: period, team, satisfied, responses.
Point = tuple[str, str, int, int]


def tabulate_limits(trend: pd.DataFrame) -> pd.DataFrame:
    """Return centre and limits of each team's CSAT (`schemas.LIMITS`), a row for each of `trend`.

    `trend` is a table of `pipeline.metrics` over several periods, the oldest first. The centre is
    the pooled CSAT of the periods before the last one, so that the last one does not judge itself.
    There are no limits for a period with fewer than `FEWEST_TO_COMPARE` responses, for a team with
    responses in fewer than `FEWEST_PERIODS` periods, and where all or none were satisfied so far:
    the chart has no width there, and would take one customer for a signal.
    """
    columns = trend[["month", "team", "satisfied", "responses"]]
    points: list[Point] = [
        (month, team, int(satisfied), int(responses))
        for month, team, satisfied, responses in columns.itertuples(index=False, name=None)
    ]
    last = points[-1][0] if points else None
    by_team: dict[str, list[Point]] = {}
    for point in points:
        by_team.setdefault(point[1], []).append(point)
    centres = {team: _find_centre(of_team, last) for team, of_team in by_team.items()}
    has_limits = {
        team: _count_periods(of_team) >= FEWEST_PERIODS for team, of_team in by_team.items()
    }
    rows = (_row(point, centres[point[1]], has_limits[point[1]]) for point in points)
    return frame_rows(rows, LIMITS)


def _find_centre(points: Iterable[Point], last: str | None) -> Fraction | None:
    """Return the pooled share of the periods before the last one; None without responses."""
    given = [point for point in points if point[3]]
    before = [point for point in given if point[0] != last]
    pooled = before if len(before) >= FEWEST_PERIODS_BEFORE else given
    responses = sum(point[3] for point in pooled)
    return Fraction(sum(point[2] for point in pooled), responses) if responses else None


def _count_periods(points: Iterable[Point]) -> int:
    return sum(1 for point in points if point[3])


def _row(point: Point, centre: Fraction | None, has_limits: bool) -> dict[str, object]:
    month, team, satisfied, responses = point
    row: dict[str, object] = {
        "month": month,
        "team": team,
        "centre_pct": None if centre is None else round_exactly(100 * centre, 2),
        "lower_pct": None,
        "upper_pct": None,
        "signal": None,
    }
    if centre is None or centre in (0, 1) or not has_limits or responses < FEWEST_TO_COMPARE:
        return row
    lower, upper = control_limits(centre, responses)
    return row | {
        "lower_pct": round_float(100 * lower),
        "upper_pct": round_float(100 * upper),
        "signal": judge_by_limits(satisfied, responses, centre),
    }
