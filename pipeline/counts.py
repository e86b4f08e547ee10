"""Counts: what every report derives from, and how answers became responses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any

import pandas as pd

from pipeline.rules import derive_responses, months_of
from pipeline.schemas import (
    COMMENT_COUNTS,
    COUNTS,
    DECIDED,
    QUALITY,
    RECEIVED,
    RESPONSES,
    check,
)
from survey.months import Month
from survey.store.vocabulary import Outcome


@dataclass(frozen=True)
class Totals:
    """All that a source has: how many answers it received, and the counts of every month
    (`schemas.COUNTS`)."""

    received: int
    counts: pd.DataFrame


@dataclass(frozen=True)
class MonthCounts:
    """What the report of a month derives from.

    - `counts` (`schemas.COUNTS`) and `comment_counts` (`schemas.COMMENT_COUNTS`): of every month
      from the one asked for to the report's, or more.
    - `commented` (`schemas.RESPONSES`): the month's responses that have a comment.
    - `quality` (`schemas.QUALITY`): what became of the month's answers.
    """

    counts: pd.DataFrame
    comment_counts: pd.DataFrame
    commented: pd.DataFrame
    quality: pd.DataFrame


def add_totals(parts: Sequence[Totals]) -> Totals:
    """The totals of answers from those of parts that share no ticket."""
    counts = _sum([part.counts for part in parts], "responses")
    return Totals(sum(part.received for part in parts), frame_counts(counts))


def add_month_counts(parts: Sequence[MonthCounts]) -> MonthCounts:
    """What a month's report derives from, of all answers from parts that share no ticket."""
    quality = pd.concat([part.quality for part in parts]).groupby("reason")["answers"].sum()
    return MonthCounts(
        counts=frame_counts(_sum([part.counts for part in parts], "responses")),
        comment_counts=frame_comment_counts(_sum([p.comment_counts for p in parts], "comments")),
        commented=check(pd.concat([p.commented for p in parts], ignore_index=True), RESPONSES),
        quality=frame_quality({str(reason): int(answers) for reason, answers in quality.items()}),
    )


def subtract_counts(counts: pd.DataFrame, taken: pd.DataFrame) -> pd.DataFrame:
    """Counts (`schemas.COUNTS`) without those of some of their tickets; rows may be 0."""
    return _sum([counts, taken.assign(responses=-taken["responses"])], "responses")


def _sum(counts: Sequence[pd.DataFrame], what: str) -> pd.DataFrame:
    """Counts added up where all other columns are equal."""
    together = pd.concat(counts)
    keys = [name for name in together.columns if name != what]
    return together.groupby(keys)[[what]].sum().reset_index()


def count_month(decided: pd.DataFrame, month: Month, since: Month, timezone: tzinfo) -> MonthCounts:
    """A month's counts from decided answers (`schemas.DECIDED`), with those since another."""
    responses = derive_responses(decided, timezone)
    responses = responses[responses["month"] >= str(since)]
    of_month = responses["month"] == str(month)
    return MonthCounts(
        counts=count_responses(responses),
        comment_counts=count_comments(responses),
        commented=responses[of_month & responses["comment"].notna()],
        quality=count_outcomes(decided, str(month), timezone),
    )


def count_responses(responses: pd.DataFrame) -> pd.DataFrame:
    """`month, team, rating, responses`, rows above 0 only, sorted by these columns."""
    sizes = check(responses, RESPONSES).groupby(["month", "team", "rating"], as_index=False).size()
    return frame_counts(sizes.rename(columns={"size": "responses"}))


def frame_counts(counts: pd.DataFrame) -> pd.DataFrame:
    """Counts in their order and types, checked (`schemas.COUNTS`)."""
    ordered = counts.sort_values(["month", "team", "rating"], ignore_index=True)
    types = {"month": "str", "team": "str", "rating": "int64", "responses": "int64"}
    return check(ordered.astype(types)[list(types)], COUNTS)


def count_comments(responses: pd.DataFrame) -> pd.DataFrame:
    """`month, team, comments`: how many responses have a comment, rows above 0 only."""
    responses = check(responses, RESPONSES)
    commented = responses[responses["comment"].notna()]
    sizes = commented.groupby(["month", "team"], as_index=False).size()
    return frame_comment_counts(sizes.rename(columns={"size": "comments"}))


def frame_comment_counts(counts: pd.DataFrame) -> pd.DataFrame:
    """Counts of comments in their order and types, checked (`schemas.COMMENT_COUNTS`)."""
    ordered = counts.sort_values(["month", "team"], ignore_index=True)
    types = {"month": "str", "team": "str", "comments": "int64"}
    return check(ordered.astype(types)[list(types)], COMMENT_COUNTS)


def count_outcomes(decided: pd.DataFrame, month: str, timezone: tzinfo) -> pd.DataFrame:
    """`reason, answers` for the answers of one month, each in the month of its own time.

    Rows: `received`, then every outcome, also those that did not occur; `received` is the sum
    of the others.
    """
    decided = check(decided, DECIDED)
    of_month = decided[months_of(decided["answered_at"], timezone) == month]
    found = of_month["outcome"].value_counts()
    return frame_quality({str(outcome): int(answers) for outcome, answers in found.items()})


def frame_quality(by_outcome: Mapping[Any, int]) -> pd.DataFrame:
    """How many answers became what, as `schemas.QUALITY`."""
    reasons = [outcome.value for outcome in Outcome]
    answers = [int(by_outcome.get(reason, 0)) for reason in reasons]
    quality = pd.DataFrame({"reason": [RECEIVED, *reasons], "answers": [sum(answers), *answers]})
    return check(quality.astype({"reason": "str", "answers": "int64"}), QUALITY)
