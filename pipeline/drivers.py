"""What moved the total: each team's share of the responses, and its own CSAT. Pure."""

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import pandas as pd

from pipeline.metrics import ALL, NOTHING, Tally, read_tallies, round_exactly
from pipeline.rounding import round_to_sum
from pipeline.schemas import DRIVERS, frame_rows

# Of `drivers.csv`, as of all percentages in files.
FILE_DECIMALS = 2


@dataclass(frozen=True)
class Driver:
    """A team's responses of two periods, and what it contributed to the change of the total.

    Both contributions are exact, in percentage points: `mix` by its share of the responses,
    `within` by its own CSAT.
    """

    team: str
    before: Tally
    now: Tally
    mix: Fraction
    within: Fraction


@dataclass(frozen=True)
class Drivers:
    """The teams that had responses in a period or in the one before, by name; `month` is the
    period. There are none if either period has no responses."""

    month: str
    teams: tuple[Driver, ...]


def tabulate_drivers(teams: pd.DataFrame, previous: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of `drivers.csv` (`schemas.DRIVERS`), which add up to `change_pp` of `all` in
    `teams`.

    `teams` and `previous` are tables of `pipeline.metrics`, of a period and of the one before it.
    """
    change = teams.loc[teams["team"] == ALL, "change_pp"].iloc[0]
    return round_drivers(find_drivers(teams, previous), FILE_DECIMALS, change)


def find_drivers(teams: pd.DataFrame, previous: pd.DataFrame) -> Drivers:
    """Return what each team contributed to the change of the total between two periods.

    With s a team's share of the responses and r its CSAT, mix = Δs · (r̄ − R̄) and within = Δr · s̄,
    where bars are means of both periods and R is the CSAT of all teams. A team without responses in
    one period has the r of the other one. All contributions add up to the change of the total.
    """
    now, before = read_tallies(teams), read_tallies(previous)
    all_now, all_before = sum(now.values(), NOTHING), sum(before.values(), NOTHING)
    month = str(teams["month"].iloc[0])
    if all_now.share is None or all_before.share is None:
        return Drivers(month, ())
    middle = (all_now.share + all_before.share) / 2
    drivers = []
    for team in sorted(now.keys() | before.keys()):
        of_now, of_before = now.get(team, NOTHING), before.get(team, NOTHING)
        either = of_now.share if of_before.share is None else of_before.share
        if either is None:
            continue
        rate = either if of_now.share is None else of_now.share
        weight = Fraction(of_now.responses, all_now.responses)
        weight_before = Fraction(of_before.responses, all_before.responses)
        mix = (weight - weight_before) * ((rate + either) / 2 - middle)
        within = (rate - either) * (weight + weight_before) / 2
        drivers.append(Driver(team, of_before, of_now, 100 * mix, 100 * within))
    return Drivers(month, tuple(drivers))


def round_drivers(drivers: Drivers, decimals: int, change: Decimal | None) -> pd.DataFrame:
    """Return drivers as a table (`schemas.DRIVERS`): a row for each team, then `all`; no rows if
    there are no drivers, or if no change is known.

    Mix and within of `all` add up to `change`, those of the teams to those of `all`, by the largest
    remainder method. `change` is what is said of the total beside the table, for example the
    difference of two percentages as they are shown.
    """
    if not drivers.teams or change is None:
        return frame_rows([], DRIVERS)
    mixes, withins = [each.mix for each in drivers.teams], [each.within for each in drivers.teams]
    all_mix, all_within = round_to_sum(
        [sum(mixes, Fraction()), sum(withins, Fraction())], change, decimals
    )
    rounded = zip(
        drivers.teams,
        round_to_sum(mixes, all_mix, decimals),
        round_to_sum(withins, all_within, decimals),
        strict=True,
    )
    rows = [
        _row(drivers.month, each.team, each.before, each.now, mix, within, decimals)
        for each, mix, within in rounded
    ]
    all_before = sum((each.before for each in drivers.teams), NOTHING)
    all_now = sum((each.now for each in drivers.teams), NOTHING)
    together = _row(drivers.month, ALL, all_before, all_now, all_mix, all_within, decimals)
    return frame_rows([*rows, together], DRIVERS)


def _row(
    month: str,
    team: str,
    before: Tally,
    now: Tally,
    mix: Decimal,
    within: Decimal,
    decimals: int,
) -> dict[str, object]:
    return {
        "month": month,
        "team": team,
        "previous_responses": before.responses,
        "responses": now.responses,
        "previous_csat_pct": round_exactly(before.csat, decimals),
        "csat_pct": round_exactly(now.csat, decimals),
        "mix_pp": mix,
        "within_pp": within,
        "total_pp": mix + within,
    }
