"""How long customers waited for replies, against the response targets of their plans. Pure.

Hours are those of weekdays (`pipeline.weekday_hours`). A reply is due when it was given, or when it
is overdue, so that a team which never replies has met nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from fractions import Fraction
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipeline.metrics import (
    ALL,
    Tally,
    judge_changes,
    round_exactly,
    round_float,
    wilson_interval_pct,
)
from pipeline.schemas import ANSWERED_WAITS, TARGETS, WAITS, check, frame_rows
from pipeline.weekday_hours import measure_weekday_time
from survey.periods import Period
from survey.scale import RATINGS
from survey.vocabulary import Plan, ReplyKind

Targets = Mapping[Plan, timedelta]

_MICROSECONDS_PER_HOUR: Final = 3_600_000_000
# What stands for the target of a plan that has none.
_NONE: Final = -1
_MEDIAN, _NINE_OF_TEN = Fraction(1, 2), Fraction(9, 10)


@dataclass(frozen=True)
class Waits:
    """The waits for replies of a report (`schemas.WAITS`), and the responses whose satisfaction is
    compared, with the waits before them (`schemas.ANSWERED_WAITS`); None where none is."""

    waits: pd.DataFrame
    answered: pd.DataFrame | None


@dataclass(frozen=True)
class ReplyTally:
    """How many replies were given, how many of them met their target, and how many are overdue:
    not given yet, and past their target. Median and 90th percentile of the hours until the replies
    are None without replies."""

    has_target: bool
    replies: int
    met: int
    overdue: int
    median_hours: Fraction | None
    p90_hours: Fraction | None

    @property
    def due(self) -> int:
        """How many replies were given, or should have been."""
        return self.replies + self.overdue

    @property
    def met_pct(self) -> Fraction | None:
        """The share of the due replies that met their target, exactly; None where there is no
        target, or nothing was due."""
        return Fraction(100 * self.met, self.due) if self.has_target and self.due else None

    @property
    def interval_pct(self) -> tuple[float, float] | None:
        """The Wilson interval of that share; None where it has none."""
        return None if self.met_pct is None else wilson_interval_pct(self.met, self.due)


@dataclass(frozen=True)
class SatisfactionByTarget:
    """The responses of tickets all of whose replies met their targets, and those of tickets with a
    reply that did not.

    `verdict` is `up` where the first clearly have a higher CSAT, `down` where they have a lower
    one, `no`, or None where there are too few to tell.
    """

    in_target: Tally
    late: Tally
    verdict: str | None


@dataclass(frozen=True)
class TargetNumbers:
    """The replies of a period, from all sides. `together`, `teams`, `kinds` and `severities` are of
    replies with a target alone; a severity is blank where it is not given. `satisfaction` is None
    where nothing can be said of it."""

    together: ReplyTally
    teams_and_plans: Mapping[tuple[str, str], ReplyTally]
    teams: Mapping[str, ReplyTally]
    plans: Mapping[Plan, ReplyTally]
    kinds: Mapping[ReplyKind, ReplyTally]
    severities: Mapping[str, ReplyTally]
    satisfaction: SatisfactionByTarget | None

    def tabulate(self, period: Period) -> pd.DataFrame:
        """Return the rows of `targets.csv` (`schemas.TARGETS`): a row per team and plan, then
        `all`, from pooled replies."""
        rows = [
            _row(period, team, plan, tally) for (team, plan), tally in self.teams_and_plans.items()
        ]
        rows.sort(key=lambda row: (row["team"], row["plan"]))
        return frame_rows([*rows, _row(period, ALL, ALL, self.together)], TARGETS)


def number_targets(
    waits: Waits, targets: Targets, timezone: tzinfo, as_of: datetime
) -> TargetNumbers:
    """Return what became of the replies that customers waited for, as of a time."""
    measured = _measure(check(waits.waits, WAITS), targets, timezone, as_of)
    with_target = measured[measured["has_target"]]
    satisfaction = None
    if waits.answered is not None:
        judged = _measure(check(waits.answered, ANSWERED_WAITS), targets, timezone, as_of)
        satisfaction = _compare_satisfaction(judged)
    return TargetNumbers(
        together=_tally(with_target, np.arange(len(with_target)), has_target=True),
        teams_and_plans=_tally_by(measured, ["team", "plan"]),
        teams=_tally_by(with_target, ["team"]),
        plans=_tally_by(measured, ["plan"]),
        kinds=_tally_by(with_target, ["kind"]),
        severities=_tally_by(with_target, ["severity"]),
        satisfaction=satisfaction,
    )


def _measure(
    waits: pd.DataFrame, targets: Targets, timezone: tzinfo, as_of: datetime
) -> pd.DataFrame:
    """Return waits with the weekday time that they took, up to now where they last, in
    microseconds, and what that says; the shortest first."""
    begins = waits["activated_at"].to_numpy(dtype="datetime64[us]")
    ends = waits["replied_at"].to_numpy(dtype="datetime64[us]")
    is_replied = ~np.isnat(ends)
    now = np.datetime64(as_of.astimezone(UTC).replace(tzinfo=None), "us")
    took = measure_weekday_time(begins, np.where(is_replied, ends, now), timezone)
    took = took.astype(np.int64)
    target = _targets_of(waits["plan"], targets)
    has_target = target != _NONE
    is_late = has_target & (took > target)
    measured = waits.assign(
        microseconds=took,
        has_target=has_target,
        is_replied=is_replied,
        is_met=is_replied & has_target & ~is_late,
        is_overdue=~is_replied & is_late,
    )
    return measured.iloc[np.argsort(took, kind="stable")]


def _targets_of(plans: pd.Series, targets: Targets) -> npt.NDArray[np.int64]:
    """Return the target of each plan in microseconds."""
    by_plan = [
        _NONE
        if (target := targets.get(Plan(plan))) is None
        else target // timedelta(microseconds=1)
        for plan in plans.cat.categories
    ]
    return np.array([*by_plan, _NONE], dtype=np.int64)[plans.cat.codes.to_numpy()]


def _tally_by(measured: pd.DataFrame, names: list[str]) -> dict[Any, ReplyTally]:
    """Return the tallies of measured waits by the values of these columns."""
    has_target = measured["has_target"].to_numpy()
    # The places of each group's rows are in the order of the frame.
    by = names if len(names) > 1 else names[0]
    places = measured.groupby(by, observed=True).indices
    # All waits of a plan have a target, or none has.
    return {
        key: _tally(measured, np.asarray(rows), bool(has_target[rows[0]]))
        for key, rows in places.items()
    }


def _tally(measured: pd.DataFrame, rows: npt.NDArray[np.int64], has_target: bool) -> ReplyTally:
    """Return the tally of some rows of measured waits, the shortest of which come first."""
    took = measured["microseconds"].to_numpy()[rows][measured["is_replied"].to_numpy()[rows]]
    return ReplyTally(
        has_target=has_target,
        replies=len(took),
        met=int(measured["is_met"].to_numpy()[rows].sum()),
        overdue=int(measured["is_overdue"].to_numpy()[rows].sum()),
        median_hours=_interpolate(took, _MEDIAN),
        p90_hours=_interpolate(took, _NINE_OF_TEN),
    )


def _interpolate(took: npt.NDArray[np.int64], share: Fraction) -> Fraction | None:
    """Return the hours within which a share of all waits ended, exactly; where it falls between two
    of them, the line between both says how many."""
    if not len(took):
        return None
    place = share * (len(took) - 1)
    lower = int(place)
    upper = min(lower + 1, len(took) - 1)
    below, above = int(took[lower]), int(took[upper])
    return (below + (place - lower) * (above - below)) / _MICROSECONDS_PER_HOUR


def _compare_satisfaction(judged: pd.DataFrame) -> SatisfactionByTarget:
    """Compare the responses of tickets whose replies came in time with those of the others. A
    response of whose replies nothing is due counts on neither side."""
    due = judged[judged["has_target"] & (judged["is_replied"] | judged["is_overdue"])]
    of_tickets = due.groupby("ticket_id")[["rating", "is_met"]]
    responses = of_tickets.agg({"rating": "first", "is_met": "all"})
    in_target = _tally_ratings(responses.loc[responses["is_met"], "rating"])
    late = _tally_ratings(responses.loc[~responses["is_met"], "rating"])
    (verdict,) = judge_changes({ALL: (in_target, late)}).values()
    return SatisfactionByTarget(in_target, late, verdict)


def _tally_ratings(ratings: pd.Series) -> Tally:
    counts = ratings.value_counts()
    return Tally(tuple(int(counts.get(rating, 0)) for rating in RATINGS))


def _row(period: Period, team: str, plan: str, tally: ReplyTally) -> dict[str, object]:
    low, high = tally.interval_pct or (None, None)
    return {
        "month": period.name,
        "team": team,
        "plan": plan,
        "replies": tally.replies,
        "met": tally.met if tally.has_target else None,
        "met_pct": round_exactly(tally.met_pct, 2),
        "met_low": round_float(low),
        "met_high": round_float(high),
        "median_hours": round_exactly(tally.median_hours, 2),
        "p90_hours": round_exactly(tally.p90_hours, 2),
        "breached_open": tally.overdue if tally.has_target else None,
    }
