"""What moved the total, for a page: rounded to the change that it shows, as bars and a sentence."""

from dataclasses import dataclass
from decimal import Decimal

from pipeline.drivers import find_drivers, round_drivers
from pipeline.metrics import ALL
from pipeline.report import ReportNumbers
from reports.rows import list_rows
from reports.shown_teams import ShownTeams
from reports.wording import format_signed

# Teams with a bar of their own; the others, and those that moved nothing, share one.
MOST_DRIVERS = 12


@dataclass(frozen=True)
class Bar:
    """A bar from the middle of a drawing that is 100 wide: where it begins, and how wide it is."""

    begins: float
    width: float


@dataclass(frozen=True)
class Driver:
    """What a team added to the change of the total, in points: by its own score, and by its share
    of the responses."""

    name: str
    within: Decimal
    mix: Decimal
    within_bar: Bar
    mix_bar: Bar

    @property
    def total(self) -> Decimal:
        """What both add up to."""
        return self.within + self.mix


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
    parts = {
        row["team"]: (Decimal(row["within_pp"]), Decimal(row["mix_pp"]))
        for row in rows
        if row["team"] != ALL
    }
    order = sorted(parts, key=lambda slug: (-abs(sum(parts[slug])), slug))
    own = [slug for slug in order if slug in names and any(parts[slug])][:MOST_DRIVERS]
    found = [(names[slug], *parts[slug]) for slug in own]
    others = [slug for slug in order if slug not in own]
    if others:
        within, mix = (
            sum((parts[slug][place] for slug in others), Decimal("0.0")) for place in (0, 1)
        )
        found.append((f"{len(others):,} more team{'' if len(others) == 1 else 's'}", within, mix))
    within, mix = (
        sum((each[place] for each in found), Decimal("0.0")) for place in (1, 2)
    )
    # All together stand in the sentence; their bar would make every other one small.
    longest = max((abs(points) for each in found for points in each[1:]), default=Decimal(0))
    return ShownDrivers(
        teams=tuple(_show(name, *points, longest) for name, *points in found),
        together=_show("All teams", within, mix, longest),
        sentence=_say(change, within, mix),
    )


def _show(name: str, within: Decimal, mix: Decimal, longest: Decimal) -> Driver:
    return Driver(name, within, mix, _draw(within, longest), _draw(mix, longest))


def _draw(points: Decimal, longest: Decimal) -> Bar:
    width = float(50 * abs(points) / longest) if longest else 0.0
    width = min(width, 50.0)
    return Bar(50 - width if points < 0 else 50.0, width)


def _say(change: Decimal, within: Decimal, mix: Decimal) -> str:
    """Return the sentence; both parts add up to the change, whatever their signs."""
    return (
        f"Of the {format_signed(change)} points, {format_signed(within)} come from the teams’ own "
        f"scores and {format_signed(mix)} from the mix of teams."
    )
