"""From the counts of a period to all numbers of its report."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import pandas as pd

from pipeline.control_limits import tabulate_limits
from pipeline.counts import MonthCounts
from pipeline.donations.ledger import Ledger
from pipeline.donations.lines import find_line, frame_lines
from pipeline.drivers import tabulate_drivers
from pipeline.invitations import InvitationCounts, filter_invitations, sum_by_team
from pipeline.metrics import blank_shares, tabulate_period, tabulate_trend, trend_periods
from pipeline.misspellings import find_misspellings
from pipeline.query import ReportQuery
from pipeline.stuffing import DailyCounts, Suspicion, find_stuffing
from pipeline.targets import TargetNumbers
from pipeline.words import find_words
from survey.periods import Period
from survey.settings import Settings
from survey.store.marks import Mark
from survey.teams import Team
from survey.vocabulary import Outcome


@dataclass(frozen=True)
class ReportNumbers:
    """The numbers of one report, from one source, as of one moment. Wherever a column is called
    `month`, it holds the name of a period.

    - `teams`, `trend`: the columns of `teams.csv` (`pipeline.metrics.TEAM_COLUMNS`). Counts are
      integers; percentages, points and means are `Decimal`, None where nothing can be said;
      `change_significant` is `up`, `down`, `no` or None. `trend` has the periods of the trend.
    - `against_year`: the same columns as `teams`, compared with the same period a year before.
    - `counts`: `month, team, rating, responses`, this period's rows above 0.
    - `drivers`: what moved the total (`schemas.DRIVERS`).
    - `limits`: the limits of each row of the trend (`schemas.LIMITS`).
    - `comments`: `schemas.COMMENTS`, times in the reports' time zone.
    - `words`: the phrases that mark low ratings (`schemas.WORDS`).
    - `misspellings`: team names that are not listed, with the listed team that was likely meant.
    - `marks`: releases and incidents within the trend.
    - `quality`: `reason, answers`; never filtered.
    - `invitations`: who was asked in this period, and who answered; None for sources that are not
      the store, and under filters that leave out ratings or links.
    - `stuffing`: what looks like ballot stuffing; None for sources that are not the store. Of the
      filters it knows only that for teams.
    - `targets`: how long customers waited for replies; None as long as no ticket is known. Of the
      filters it knows only that for teams.
    - `donations`: the month's line of the donation export; None for other periods, and for sources
      that are not the store. Never filtered.
    - `source`: where the answers come from, in words.
    - `trust_is_believed`: whether the link trust is what events claim, with no secret to verify it.
    """

    query: ReportQuery
    source: str
    as_of: datetime
    teams: pd.DataFrame
    against_year: pd.DataFrame
    counts: pd.DataFrame
    trend: pd.DataFrame
    limits: pd.DataFrame
    drivers: pd.DataFrame
    comments: pd.DataFrame
    words: pd.DataFrame
    misspellings: dict[str, Team]
    marks: Sequence[Mark]
    quality: pd.DataFrame
    invitations: InvitationCounts | None
    stuffing: Sequence[Suspicion] | None
    targets: TargetNumbers | None
    donations: pd.DataFrame | None
    trust_is_believed: bool = False


def compared_periods(period: Period) -> list[Period]:
    """Return every period whose counts a report needs, oldest first: the trend, each with the one
    before, and the same period a year before."""
    trend = trend_periods(period)
    return sorted({*trend, trend[0].shift(-1), period.year_before()})


def number_report(
    counted: MonthCounts,
    query: ReportQuery,
    settings: Settings,
    *,
    source: str,
    ledger: Ledger | None,
    as_of: datetime,
    marks: Sequence[Mark] = (),
    targets: TargetNumbers | None = None,
    trust_is_believed: bool = False,
) -> ReportNumbers:
    """Return all numbers of a report.

    `counted` has the counts of all `compared_periods`, as the query filters them. `source` says in
    words where they come from. `ledger` is that of the store; None for every other source, because
    only what the store counts is paid for.
    """
    period, listed = query.period, _listed_teams(query, settings)
    counts, comments = counted.counts, counted.comment_counts
    invited = sum_by_team(counted.invitations, query)
    trend = tabulate_trend(counts, comments, period, listed, invited)
    teams, before = (_rows_of(trend, each) for each in (period, period.shift(-1)))
    year_before = period.year_before()
    against_year = tabulate_period(counts, comments, period, listed, year_before, invited)
    drivers, limits = tabulate_drivers(teams, before), tabulate_limits(trend)
    if query.ratings:
        teams, trend, against_year = map(blank_shares, (teams, trend, against_year))
        drivers, limits = drivers.head(0), limits.head(0)
    answered_at = counted.comments["answered_at"].dt.tz_convert(settings.timezone)
    donations = None
    if period.month is not None and ledger is not None:
        responses = _count_responses(counted.quality)
        donations = frame_lines([find_line(ledger, period.month, settings.timezone, responses)])
    return ReportNumbers(
        query=query,
        source=source,
        as_of=as_of,
        teams=teams,
        against_year=against_year,
        counts=counts[counts["month"] == period.name].reset_index(drop=True),
        trend=trend,
        limits=limits,
        drivers=drivers,
        comments=counted.comments.assign(answered_at=answered_at),
        words=find_words(counted.comments),
        misspellings=find_misspellings(map(str, teams["team"]), settings.teams),
        marks=marks,
        quality=counted.quality,
        invitations=_invitations_of(counted.invitations, query),
        stuffing=_find_stuffing(counted.daily, query, settings),
        targets=targets,
        donations=donations,
        trust_is_believed=trust_is_believed,
    )


def _invitations_of(
    counted: InvitationCounts | None, query: ReportQuery
) -> InvitationCounts | None:
    """Return the invitations of the period of a query, as it filters them."""
    filtered = filter_invitations(counted, query)
    if filtered is None:
        return None
    return replace(filtered, invited=_rows_of(filtered.invited, query.period))


def _find_stuffing(
    daily: DailyCounts | None, query: ReportQuery, settings: Settings
) -> Sequence[Suspicion] | None:
    """Return what looks like ballot stuffing, of the teams of a query."""
    if daily is None:
        return None
    listed = frozenset(team.slug for team in settings.teams)
    found = find_stuffing(daily, list(query.period.days()), listed)
    return [each for each in found if not query.teams or each.team in (None, *query.teams)]


def _rows_of(trend: pd.DataFrame, period: Period) -> pd.DataFrame:
    """Return the rows of one period."""
    return trend[trend["month"] == period.name].reset_index(drop=True)


def _count_responses(quality: pd.DataFrame) -> int:
    """Return how many responses a month has, whatever a filter leaves out."""
    return int(quality.set_index("reason")["answers"][Outcome.RESPONSE.value])


def _listed_teams(query: ReportQuery, settings: Settings) -> Sequence[Team]:
    """Return the teams that have a row even without responses: those that no filter leaves out."""
    return [team for team in settings.teams if not query.teams or team.slug in query.teams]
