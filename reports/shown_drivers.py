"""What moved the total, for a page: rounded to the change that it shows, as bars and a sentence."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from pipeline.drivers import find_drivers, round_drivers
from pipeline.metrics import ALL
from pipeline.report import ReportNumbers
from reports.rows import list_rows
from reports.shown_teams import ShownTeams
from reports.wording import count_things, format_signed

# Teams with a bar of their own; the others, and those that moved nothing, share one.
MOST_DRIVERS = 12


@dataclass(frozen=True)
class Bar:
    """A bar from the middle of a drawing that is 100 wide: where it begins, and how wide it is."""

    begins: float
    width: float


class Points(NamedTuple):
    """How far something moved the total: by the teams' own scores, and by the mix of teams."""

    within: Decimal
    mix: Decimal

    @property
    def total(self) -> Decimal:
        """What both add up to."""
        return self.within + self.mix


@dataclass(frozen=True)
class Driver:
    """A team, and how far it moved the total, as numbers and as bars."""

    name: str
    points: Points
    within_bar: Bar
    mix_bar: Bar


@dataclass(frozen=True)
class ShownDrivers:
    """What moved the total: the teams, those that moved it most first, and all together."""

    teams: tuple[Driver, ...]
    together: Driver
    sentence: str


def show_drivers(numbers: ReportNumbers, teams: ShownTeams) -> ShownDrivers | None:
    """Return what moved the total; None where there is no change to explain."""
    change = teams.together.before.change
    if numbers.drivers.empty or change is None:
        return None
    before = numbers.query.period.shift(-1).name
    # Rounded anew from counts: numbers of two decimals would be rounded twice.
    drivers = find_drivers(numbers.teams, numbers.trend[numbers.trend["month"] == before])
    rows = list_rows(round_drivers(drivers, 1, change))
    names = {team.slug: team.name for team in (*teams.single, *teams.silent)}
    parts = {row["team"]: Points(row["within_pp"], row["mix_pp"]) for row in rows}
    together = parts.pop(ALL)
    order = sorted(parts, key=lambda slug: (-abs(parts[slug].total), slug))
    own = [slug for slug in order if slug in names and any(parts[slug])][:MOST_DRIVERS]
    found = [(names[slug], parts[slug]) for slug in own]
    others = [parts[slug] for slug in order if slug not in own]
    if others:
        found.append((count_things(len(others), "more team"), _add(others)))
    # All together stand in the sentence; their bar would make every other one small.
    longest = max(abs(points) for _, each in found for points in each)
    return ShownDrivers(
        teams=tuple(_show(name, points, longest) for name, points in found),
        together=_show("All teams", together, longest),
        sentence=_say(change, together),
    )


def _add(several: Sequence[Points]) -> Points:
    nothing = Decimal("0.0")
    return Points(
        sum((each.within for each in several), nothing),
        sum((each.mix for each in several), nothing),
    )


def _show(name: str, points: Points, longest: Decimal) -> Driver:
    return Driver(name, points, _draw(points.within, longest), _draw(points.mix, longest))


def _draw(points: Decimal, longest: Decimal) -> Bar:
    width = float(50 * abs(points) / longest) if longest else 0.0
    width = min(width, 50.0)
    return Bar(50 - width if points < 0 else 50.0, width)


def _say(change: Decimal, points: Points) -> str:
    """Return the sentence; both parts add up to the change, whatever their signs."""
    return (
        f"Of the {format_signed(change)} points, {format_signed(points.within)} come from the "
        f"teams’ own scores and {format_signed(points.mix)} from the mix of teams."
    )
