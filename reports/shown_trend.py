"""The trend of each team, period by period, as a page draws and tabulates it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

import pandas as pd

from pipeline.metrics import FEWEST_TO_COMPARE
from pipeline.report import ReportNumbers
from reports.links import Links
from reports.rows import list_rows
from reports.shown_numbers import Row, show_change, show_rounded, show_share
from reports.shown_teams import Comparison, ShownTeam, ShownTeams
from reports.wording import count_things, format_share, name_date, name_period
from survey.periods import Period
from survey.store.marks import Mark

# Teams with a trend of their own: more small charts than this are no overview.
MOST_TRENDS = 12


@dataclass(frozen=True)
class TrendPoint:
    """A team in one period. `lower` and `upper` are the limits of the p-chart, None where there
    are none; `signal` is `above` or `below` for a point outside them."""

    period: Period
    responses: int
    share: Decimal | None
    low: Decimal | None
    high: Decimal | None
    lower: Decimal | None
    upper: Decimal | None
    signal: str | None
    before: Comparison
    address: str | None

    @property
    def name(self) -> str:
        """The period in words."""
        return name_period(self.period)

    @property
    def is_small(self) -> bool:
        """Whether there are too few responses to tell much."""
        return self.responses < FEWEST_TO_COMPARE

    @property
    def words(self) -> str:
        """What the point says: `October 2026: 86.6%, interval 83.3 to 89.3, 455 responses`."""
        if self.share is None:
            return f"{self.name}: {count_things(self.responses, 'response')}"
        signal = f", {self.signal} the limits" if self.signal else ""
        return (
            f"{self.name}: {format_share(self.share)}, interval {self.low} to {self.high}, "
            f"{count_things(self.responses, 'response')}{signal}"
        )


@dataclass(frozen=True)
class ShownTrend:
    """A team's periods, oldest first."""

    team: ShownTeam
    points: tuple[TrendPoint, ...]

    @property
    def signals(self) -> tuple[TrendPoint, ...]:
        """The points outside the limits."""
        return tuple(point for point in self.points if point.signal)

    @property
    def words(self) -> str:
        """The text alternative of its chart."""
        points = "; ".join(point.words for point in self.points)
        return f"CSAT of {self.team.name} over {len(self.points)} periods. {points}."


@dataclass(frozen=True)
class ShownMark:
    """A mark on the trend: the number beside its line, its words, and its place along the
    periods, where the middle of the first is 0."""

    number: int
    date: str
    words: str
    place: float


@dataclass(frozen=True)
class ShownTrends:
    """The trends of a page: all teams first, then those teams that have enough responses."""

    together: ShownTrend
    teams: tuple[ShownTrend, ...]
    left_out: int
    marks: tuple[ShownMark, ...]


def show_trends(numbers: ReportNumbers, teams: ShownTeams, links: Links) -> ShownTrends | None:
    """Return the trends of a report; None where no period has a share to draw."""
    rows = {(row["month"], row["team"]): row for row in list_rows(numbers.trend)}
    limits = {(row["month"], row["team"]): row for row in list_rows(numbers.limits)}
    names = set(numbers.trend["month"])
    # The frame has the periods without any response, too, with a row for all teams.
    periods = [each for each in numbers.query.period.up_to(len(names)) if each.name in names]

    def show(team: ShownTeam) -> ShownTrend:
        points: list[TrendPoint] = []
        for period in periods:
            key = (period.name, team.slug)
            previous = points[-1].share if points else None
            slug = None if team.is_all else team.slug
            points.append(
                _show_point(
                    period,
                    rows.get(key),
                    limits.get(key, {}),
                    previous,
                    links.responses(period.name, slug, None),
                )
            )
        return ShownTrend(team, tuple(points))

    together = show(teams.together)
    if all(point.share is None for point in together.points):
        return None
    shown = [show(team) for team in teams.ranked]
    shown.sort(key=lambda trend: -sum(point.responses for point in trend.points))
    kept = {trend.team.slug for trend in shown[:MOST_TRENDS]}
    return ShownTrends(
        together=together,
        teams=tuple(show(team) for team in teams.ranked if team.slug in kept),
        left_out=len(teams.single) - len(kept),
        marks=tuple(_place_marks(numbers.marks, periods)),
    )


def show_weeks(
    weeks: pd.DataFrame, together: ShownTeam, marks: Sequence[Mark]
) -> tuple[ShownTrend, tuple[ShownMark, ...]]:
    """Return the rows of `pipeline.weeks` as a trend of all teams together, without limits, and the
    marks within it."""
    nothing = Comparison(None, None, None)
    points = [
        TrendPoint(
            period=Period(row["week_from"], row["week_to"], 0),
            responses=row["responses"],
            share=show_share(row),
            low=show_rounded(row["csat_low"]),
            high=show_rounded(row["csat_high"]),
            lower=None,
            upper=None,
            signal=None,
            before=nothing,
            address=None,
        )
        for row in list_rows(weeks)
    ]
    placed = _place_marks(marks, [point.period for point in points])
    return ShownTrend(together, tuple(points)), tuple(placed)


def _show_point(
    period: Period, row: Row | None, limits: Row, previous: Decimal | None, address: str | None
) -> TrendPoint:
    if row is None or not row["responses"]:
        nothing = Comparison(previous, None, None)
        return TrendPoint(period, 0, None, None, None, None, None, None, nothing, None)
    share = show_share(row)
    if previous is None:
        previous = show_rounded(row["previous_csat_pct"])
    return TrendPoint(
        period=period,
        responses=row["responses"],
        share=share,
        low=show_rounded(row["csat_low"]),
        high=show_rounded(row["csat_high"]),
        lower=show_rounded(limits.get("lower_pct")),
        upper=show_rounded(limits.get("upper_pct")),
        signal=limits.get("signal"),
        before=Comparison(previous, show_change(share, previous), row["change_significant"]),
        address=address,
    )


def _place_marks(marks: Iterable[Mark], periods: Sequence[Period]) -> list[ShownMark]:
    """Return the marks within the periods, by date, numbered as the charts number them."""
    found: list[ShownMark] = []
    for mark in sorted(marks, key=lambda mark: (mark.day, mark.words)):
        for index, period in enumerate(periods):
            if period.first <= mark.day <= period.last:
                within = ((mark.day - period.first).days + 0.5) / period.number_of_days
                number = len(found) + 1
                found.append(
                    ShownMark(number, name_date(mark.day), mark.words, index - 0.5 + within)
                )
    return found
