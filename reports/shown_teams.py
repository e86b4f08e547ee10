"""The teams of a page: which stand by themselves, in which order, and what is said of each.

Anybody can make up a team in a link, and thousands of them would be no report any more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import accumulate
from typing import Any

from pipeline.metrics import ALL, FEWEST_TO_COMPARE, pool_rows, row_name
from pipeline.report import ReportNumbers
from reports.rows import list_rows, name_team
from reports.shown_numbers import Row, show_change, show_rounded, show_share
from reports.wording import count_things
from survey.scale import RATINGS
from survey.teams import Team

# Teams besides those of the list.
OTHER_TEAMS = 50
# Where a team's slug stands, in the row of all teams that are not shown by themselves: no slug.
REST = "*"


@dataclass(frozen=True)
class Segment:
    """The part of a team's bar for one rating: where it begins and how wide it is, in per cent."""

    rating: int
    responses: int
    begins: float
    width: float


@dataclass(frozen=True)
class Comparison:
    """What a team's share was in another period, and whether it clearly changed since.

    `verdict` is `up`, `down`, `no`, or None where there are too few responses to tell.
    """

    share: Decimal | None
    change: Decimal | None
    verdict: str | None


@dataclass(frozen=True)
class ShownTeam:
    """A row of the team table, rounded as it is shown; `all` is every team together, `REST` those
    that are not shown by themselves."""

    slug: str
    name: str
    likely: str | None
    responses: int
    share: Decimal | None
    low: Decimal | None
    high: Decimal | None
    mean: Decimal | None
    comments: int
    invitations: int | None
    response_rate: Decimal | None
    segments: tuple[Segment, ...]
    before: Comparison
    year_before: Comparison

    @property
    def is_all(self) -> bool:
        """Whether this is every team together."""
        return self.slug == ALL

    @property
    def is_rest(self) -> bool:
        """Whether this is the teams that are not shown by themselves."""
        return self.slug == REST

    @property
    def is_compared(self) -> bool:
        """Whether there are enough responses to rank the team and to compare it."""
        return self.responses >= FEWEST_TO_COMPARE and not self.is_rest


@dataclass(frozen=True)
class ShownTeams:
    """All rows of the team table: `ranked` with the surest high share first, `small` with fewer
    responses than can be compared, `silent` without any, all of the last two by name."""

    together: ShownTeam
    ranked: tuple[ShownTeam, ...]
    small: tuple[ShownTeam, ...]
    silent: tuple[ShownTeam, ...]
    rest: ShownTeam | None

    @property
    def single(self) -> tuple[ShownTeam, ...]:
        """The teams that are shown by themselves and have responses."""
        return (*self.ranked, *self.small)


def show_teams(numbers: ReportNumbers, team_list: Sequence[Team]) -> ShownTeams:
    """Return the teams of a report: those of the list and the largest others by themselves, the
    rest in one row, from pooled counts."""
    period = numbers.query.period
    rows = {row["team"]: row for row in list_rows(numbers.teams)}
    before = _shares_in(numbers, period.shift(-1).name)
    year_before = _shares_in(numbers, period.year_before().name)
    against_year = {row["team"]: row for row in list_rows(numbers.against_year)}
    hidden = _find_hidden(list(rows.values()), team_list)

    def show(row: Row) -> ShownTeam:
        slug = row["team"]
        return _show_team(
            row,
            name_team(slug, team_list),
            numbers.misspellings.get(slug),
            _compare(row, row, before.get(slug)),
            _compare(row, against_year.get(slug, {}), year_before.get(slug)),
        )

    shown = [show(row) for slug, row in rows.items() if slug not in hidden and slug != ALL]
    shown.sort(key=lambda team: (team.name.casefold(), team.slug))
    ranked = [team for team in shown if team.is_compared]
    ranked.sort(key=lambda team: -(team.low or 0))
    return ShownTeams(
        together=show(rows[ALL]),
        ranked=tuple(ranked),
        small=tuple(team for team in shown if team.responses > 0 and not team.is_compared),
        silent=tuple(team for team in shown if not team.responses),
        rest=_show_rest([rows[slug] for slug in hidden]),
    )


def _find_hidden(rows: list[Row], team_list: Sequence[Team]) -> set[str]:
    """Return the teams that are not shown by themselves."""
    listed = {row_name(team.slug) for team in team_list} | {ALL}
    others = [row for row in rows if row["team"] not in listed]
    others.sort(key=lambda row: (-row["responses"], row["team"]))
    return {row["team"] for row in others[OTHER_TEAMS:]}


def _show_rest(rows: list[Row]) -> ShownTeam | None:
    if not rows:
        return None
    name = count_things(len(rows), "more team")
    pooled = pool_rows(rows) | {"team": REST}
    if any(row["csat_pct"] is None for row in rows):
        # Under a filter by rating no row has a share.
        pooled |= dict.fromkeys(("csat_pct", "csat_low", "csat_high", "mean_rating"))
    nothing = Comparison(None, None, None)
    return _show_team(pooled, name, None, nothing, nothing)


def _show_team(
    row: Row, name: str, likely: Team | None, before: Comparison, year_before: Comparison
) -> ShownTeam:
    return ShownTeam(
        slug=row["team"],
        name=name,
        likely=likely.name if likely else None,
        responses=row["responses"],
        share=show_share(row),
        low=show_rounded(row["csat_low"]),
        high=show_rounded(row["csat_high"]),
        mean=row["mean_rating"],
        comments=row["comments"],
        invitations=row["invitations"],
        response_rate=show_rounded(row["response_rate_pct"]),
        segments=_divide([row[f"rating_{rating}"] for rating in RATINGS]),
        before=before,
        year_before=year_before,
    )


def _divide(counts: list[int]) -> tuple[Segment, ...]:
    """Return the parts of a bar for the ratings that somebody gave."""
    total = sum(counts)
    ends = list(accumulate(counts))
    return tuple(
        Segment(rating, count, 100 * (end - count) / total, 100 * count / total)
        for rating, count, end in zip(RATINGS, counts, ends, strict=True)
        if count
    )


def _shares_in(numbers: ReportNumbers, period: str) -> dict[str, Decimal | None]:
    """Return the shares of a period of the trend by team, rounded from their counts, as the report
    of that period shows them."""
    rows = list_rows(numbers.trend[numbers.trend["month"] == period])
    return {row["team"]: show_share(row) for row in rows}


def _compare(row: Row, compared: Mapping[str, Any], previous: Decimal | None) -> Comparison:
    """Return a comparison: `compared` has its verdict, and the share before for what the trend does
    not have."""
    if previous is None:
        previous = show_rounded(compared.get("previous_csat_pct"))
    verdict = compared.get("change_significant")
    if row["responses"] < FEWEST_TO_COMPARE or previous is None:
        verdict = None
    return Comparison(previous, show_change(show_share(row), previous), verdict)
