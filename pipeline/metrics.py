"""Satisfaction per team and month, from counts: percentages, intervals, what clearly moved."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import pandas as pd

from pipeline import proportions
from pipeline.invitations import NOBODY, Invited, InvitedByTeam
from pipeline.schemas import COMMENT_COUNTS, COUNTS, check
from survey.periods import Period
from survey.scale import RATINGS, SATISFIED
from survey.teams import Team

# 5 % chance of calling a change clear that is none; the intervals are 95 % to match.
ALPHA = 0.05
# Fewer responses than this say too little to compare months.
FEWEST_TO_COMPARE = 10
# A trend has this many periods, but not more than five years of them.
TREND_PERIODS = 13
_LONGEST_TREND_DAYS = 5 * 366

ALL = "all"
# A team that calls itself `all` would be mistaken for the sum.
TEAM_CALLED_ALL = "all_team"

TEAM_COLUMNS = (
    *("month", "team", "responses", "satisfied", "csat_pct", "csat_low", "csat_high"),
    *("mean_rating", *(f"rating_{rating}" for rating in RATINGS), "comments", "invitations"),
    *("response_rate_pct", "previous_csat_pct", "change_pp", "change_significant"),
)
_SAYS_SATISFACTION = (
    *("csat_pct", "csat_low", "csat_high", "mean_rating", "previous_csat_pct", "change_pp"),
    "change_significant",
)


@dataclass(frozen=True)
class Tally:
    """One team's responses of one month: how many at each rating, and with a comment."""

    by_rating: tuple[int, ...]
    comments: int = 0

    @property
    def responses(self) -> int:
        """How many responses there are."""
        return sum(self.by_rating)

    @property
    def satisfied(self) -> int:
        """How many responses count as satisfied."""
        return sum(self.by_rating[RATINGS.index(rating)] for rating in SATISFIED)

    @property
    def share(self) -> Fraction | None:
        """Satisfied over all, exactly; None without responses."""
        return Fraction(self.satisfied, self.responses) if self.responses else None

    @property
    def csat(self) -> Fraction | None:
        """The share in per cent, exactly; None without responses."""
        return _percent(self.share)

    @property
    def mean(self) -> Fraction | None:
        """The mean rating, exactly; None without responses."""
        total = sum(r * n for r, n in zip(RATINGS, self.by_rating, strict=True))
        return Fraction(total, self.responses) if self.responses else None

    def __add__(self, other: "Tally") -> "Tally":
        by_rating = tuple(a + b for a, b in zip(self.by_rating, other.by_rating, strict=True))
        return Tally(by_rating, self.comments + other.comments)


NOTHING = Tally((0,) * len(RATINGS))

# month → team → tally
Tallies = dict[str, dict[str, Tally]]


def trend_periods(period: Period) -> list[Period]:
    """Return the periods of a trend, oldest first: 13 up to this one, two at least, but no more
    than fit into five years."""
    how_many = _LONGEST_TREND_DAYS // period.number_of_days
    return period.up_to(max(2, min(TREND_PERIODS, how_many)))


def tabulate_period(
    counts: pd.DataFrame,
    comments: pd.DataFrame,
    period: Period,
    teams: Sequence[Team],
    before: Period | None = None,
    invited: InvitedByTeam = MappingProxyType({}),
) -> pd.DataFrame:
    """Return the rows of `teams.csv`: a row per listed team and per other team with responses, by
    team name, then `all` from pooled counts.

    `counts` has `month, team, rating, responses`, `comments` has `month, team, comments`; the
    column `month` holds names of periods. Both have at least this period and the one that it is
    compared with: `before`, or else the one just before it. `invited` has the invitations of those
    periods of which any are known. Columns are `TEAM_COLUMNS`; percentages have 2 decimals and
    means 3, as `Decimal`, None where nothing can be said.
    """
    tallies = _tally(counts, comments)
    before = before or period.shift(-1)
    return _frame(_rows_of_period(tallies, period, before, teams, invited.get(period.name)))


def tabulate_trend(
    counts: pd.DataFrame,
    comments: pd.DataFrame,
    period: Period,
    teams: Sequence[Team],
    invited: InvitedByTeam = MappingProxyType({}),
) -> pd.DataFrame:
    """`tabulate_period` for the periods of the trend up to this one, oldest first."""
    return tabulate_periods(counts, comments, trend_periods(period), teams, invited)


def tabulate_periods(
    counts: pd.DataFrame,
    comments: pd.DataFrame,
    periods: Sequence[Period],
    teams: Sequence[Team],
    invited: InvitedByTeam = MappingProxyType({}),
) -> pd.DataFrame:
    """`tabulate_period` for several periods, in their order."""
    tallies = _tally(counts, comments)
    return _frame(
        row
        for each in periods
        for row in _rows_of_period(tallies, each, each.shift(-1), teams, invited.get(each.name))
    )


def blank_shares(teams: pd.DataFrame) -> pd.DataFrame:
    """Return rows of `TEAM_COLUMNS` without shares, means, intervals and changes: where a filter
    leaves out ratings, they would say nothing of satisfaction."""
    return teams.assign(**dict.fromkeys(_SAYS_SATISFACTION))


def wilson_interval_pct(satisfied: int, responses: int) -> tuple[float, float]:
    """Return the 95 % Wilson score interval of a share, in per cent (Wilson 1927)."""
    low, high = proportions.wilson_interval(satisfied, responses, ALPHA)
    return 100 * low, 100 * high


def change_p_value(now: Tally, before: Tally) -> float:
    """Return the two-sided p-value of the pooled two-proportion z-test; equal shares differ by
    nothing."""
    return proportions.compare_shares(
        (now.satisfied, before.satisfied), (now.responses, before.responses)
    )


def round_exactly(value: Fraction | None, decimals: int) -> Decimal | None:
    """Return a fraction as a decimal number, half to even on the exact value."""
    if value is None:
        return None
    scaled = round(value * 10**decimals)
    return Decimal(scaled).scaleb(-decimals)


def _tally(counts: pd.DataFrame, comments: pd.DataFrame) -> Tallies:
    counts, comments = check(counts, COUNTS), check(comments, COMMENT_COUNTS)
    tallies: Tallies = {}
    for month, team, rating, responses in counts.itertuples(index=False, name=None):
        of_month = tallies.setdefault(month, {})
        by_rating = tuple(int(responses) if each == rating else 0 for each in RATINGS)
        name = row_name(team)
        of_month[name] = of_month.get(name, NOTHING) + Tally(by_rating)
    for month, team, how_many in comments.itertuples(index=False, name=None):
        name = row_name(team)
        tallies[month][name] += Tally(NOTHING.by_rating, int(how_many))
    return tallies


def row_name(team: str) -> str:
    """Return the name of a team in tables that have a row `all`."""
    return TEAM_CALLED_ALL if team == ALL else team


def _rows_of_period(
    tallies: Tallies,
    period: Period,
    previous: Period,
    teams: Sequence[Team],
    invited: Mapping[str, Invited] | None,
) -> list[dict[str, object]]:
    now, before = tallies.get(period.name, {}), tallies.get(previous.name, {})
    names = sorted({row_name(team.slug) for team in teams} | set(now))
    changes = judge_changes(
        {name: (now.get(name, NOTHING), before.get(name, NOTHING)) for name in names}
    )
    by_name = None if invited is None else {row_name(team): n for team, n in invited.items()}
    rows = [
        _row(
            period.name,
            name,
            now.get(name, NOTHING),
            before.get(name, NOTHING),
            changes[name],
            None if by_name is None else by_name.get(name, NOBODY),
        )
        for name in names
    ]
    invited_all = None if invited is None else sum(invited.values(), NOBODY)
    all_now, all_before = sum(now.values(), NOTHING), sum(before.values(), NOTHING)
    all_change = judge_changes({ALL: (all_now, all_before)})[ALL]
    return [*rows, _row(period.name, ALL, all_now, all_before, all_change, invited_all)]


def judge_changes(pairs: dict[str, tuple[Tally, Tally]]) -> dict[str, str | None]:
    """`up`, `down` or `no` for each pair of this month and the one before; None where either has
    fewer than 10 responses.

    Holm's correction runs over the pairs that are tested: nine tests at 5% would
    else find a change by chance alone in 37% of all months.
    """
    verdicts: dict[str, str | None] = dict.fromkeys(pairs)
    tested = {
        name: pair
        for name, pair in pairs.items()
        if min(tally.responses for tally in pair) >= FEWEST_TO_COMPARE
    }
    p_values = [change_p_value(now, before) for now, before in tested.values()]
    is_clear = proportions.reject_by_holm(p_values, ALPHA)
    for (name, (now, before)), clear in zip(tested.items(), is_clear, strict=True):
        rose = (now.share or 0) > (before.share or 0)
        verdicts[name] = ("up" if rose else "down") if clear else "no"
    return verdicts


def _row(
    period: str,
    team: str,
    now: Tally,
    before: Tally,
    change: str | None,
    invited: Invited | None = None,
) -> dict[str, object]:
    share, previous = now.share, before.share
    low, high = wilson_interval_pct(now.satisfied, now.responses) if now.responses else (None, None)
    moved = None if share is None or previous is None else share - previous
    return {
        "month": period,
        "team": team,
        "responses": now.responses,
        "satisfied": now.satisfied,
        "csat_pct": round_exactly(now.csat, 2),
        "csat_low": round_float(low),
        "csat_high": round_float(high),
        "mean_rating": round_exactly(now.mean, 3),
        **{f"rating_{r}": n for r, n in zip(RATINGS, now.by_rating, strict=True)},
        "comments": now.comments,
        "invitations": invited.invitations if invited else None,
        "response_rate_pct": round_exactly(_percent(invited.rate), 2) if invited else None,
        "previous_csat_pct": round_exactly(before.csat, 2),
        "change_pp": round_exactly(_percent(moved), 2),
        "change_significant": change,
    }


def pool_rows(rows: Sequence[Mapping[str, Any]]) -> dict[str, object]:
    """Return one row for the rows of several teams in one month, from pooled counts; it is compared
    with no month before. At least one row is needed."""
    tallies = (read_tally(row) for row in rows)
    period, team = rows[0]["month"], rows[0]["team"]
    pooled = _row(period, team, sum(tallies, NOTHING), NOTHING, None)
    if rows[0]["invitations"] is not None:
        # How many of them were answered, a row does not say.
        pooled["invitations"] = sum(row["invitations"] for row in rows)
    return pooled


def read_tally(row: Mapping[Any, Any]) -> Tally:
    """Return the tally that a row of `TEAM_COLUMNS` was made of."""
    return Tally(tuple(int(row[f"rating_{rating}"]) for rating in RATINGS), int(row["comments"]))


def read_tallies(teams: pd.DataFrame) -> dict[str, Tally]:
    """Return the tally of each team in a table of one period, without that of `all`."""
    rows = teams[teams["team"] != ALL].to_dict("records")
    return {row["team"]: read_tally(row) for row in rows}


def _percent(share: Fraction | None) -> Fraction | None:
    return None if share is None else share * 100


def round_float(value: float | None) -> Decimal | None:
    """Return a float as a decimal number with two decimals."""
    return None if value is None else Decimal(f"{value:.2f}")


def _frame(rows: Iterable[dict[str, object]]) -> pd.DataFrame:
    """Return rows as they are: `object` columns keep `Decimal`, `int` and None apart."""
    return pd.DataFrame(list(rows), columns=list(TEAM_COLUMNS), dtype="object")
