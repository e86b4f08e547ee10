"""Counts: what every report derives from, and how answers became responses."""

from datetime import tzinfo

import pandas as pd

from pipeline.rules import months_of
from pipeline.schemas import (
    COMMENT_COUNTS,
    COUNTS,
    DECIDED,
    QUALITY,
    RECEIVED,
    RESPONSES,
    check,
)
from survey.store.vocabulary import Outcome


def count_responses(responses: pd.DataFrame) -> pd.DataFrame:
    """`month, team, rating, responses`, rows above 0 only, sorted by these columns."""
    counts = (
        check(responses, RESPONSES)
        .groupby(["month", "team", "rating"], as_index=False, sort=True)
        .size()
        .rename(columns={"size": "responses"})
        .astype({"month": "str", "team": "str", "rating": "int64", "responses": "int64"})
    )
    return check(counts, COUNTS)


def count_comments(responses: pd.DataFrame) -> pd.DataFrame:
    """`month, team, comments`: how many responses have a comment, rows above 0 only."""
    responses = check(responses, RESPONSES)
    counts = (
        responses[responses["comment"].notna()]
        .groupby(["month", "team"], as_index=False, sort=True)
        .size()
        .rename(columns={"size": "comments"})
        .astype({"month": "str", "team": "str", "comments": "int64"})
    )
    return check(counts, COMMENT_COUNTS)


def count_outcomes(decided: pd.DataFrame, month: str, timezone: tzinfo) -> pd.DataFrame:
    """`reason, answers` for the answers of one month, each in the month of its own time.

    Rows: `received`, then every outcome, also those that did not occur; `received` is the sum
    of the others.
    """
    decided = check(decided, DECIDED)
    of_month = decided[months_of(decided["answered_at"], timezone) == month]
    by_outcome = of_month["outcome"].value_counts()
    reasons = [outcome.value for outcome in Outcome]
    answers = [int(by_outcome.get(reason, 0)) for reason in reasons]
    quality = pd.DataFrame({"reason": [RECEIVED, *reasons], "answers": [len(of_month), *answers]})
    return check(quality.astype({"reason": "str", "answers": "int64"}), QUALITY)
