"""Rule 1 of docs/rules.md: an event counts once, however many copies of it were received."""

from datetime import datetime

import numpy as np
import pandas as pd

from pipeline.answers import UUID, uuid_keys
from pipeline.events import AnswerLookup
from pipeline.partitions import Array, map_partitions
from pipeline.schemas import ANSWERS, check
from survey.counting_rules import CountingRules
from survey.event_values import rank_copy
from survey.months import Month

# What makes a difference between copies of one event, besides their time.
_DECISIVE = [
    *("ticket", "person", "team", "rating", "trust", "proof"),
    *("is_other_survey", "has_comment"),
]


def mark_duplicates(
    answers: pd.DataFrame,
    lookup: AnswerLookup,
    comments_between: tuple[datetime, datetime] | None = None,
) -> pd.DataFrame:
    """Return the answers with a column `is_duplicate`: true for every copy but the one that counts.

    Takes `schemas.ANSWERS`, gives `schemas.DEDUPLICATED` in the same order. The earliest copy
    counts; of equal times the one with the greatest properties. Properties are looked up only
    where copies differ in what matters; the comments themselves matter where an answer was given
    in `comments_between`.
    """
    answers = check(answers, ANSWERS)
    # Equal halves are rare: whole uuids are compared only there.
    halves = map_partitions(answers[["uuid_low"]], answers["uuid_low"].to_numpy(), _find_equal)
    candidates = answers.loc[np.concatenate(halves)]
    shown = pd.Series(-1, candidates.index)
    if comments_between is not None:
        is_shown = candidates["has_comment"] & candidates["answered_at"].between(*comments_between)
        shown = shown.where(~is_shown, pd.Series(range(len(shown)), candidates.index))

    parts = map_partitions(candidates.assign(shown=shown), uuid_keys(candidates), _find_copies)
    is_duplicate = pd.Series(False, answers.index)
    for later, _ in parts:
        is_duplicate[later] = True
    tied = pd.concat([tied for _, tied in parts])
    is_duplicate[tied.index] = True
    is_duplicate[_find_greatest(tied, lookup)] = False
    return answers.assign(is_duplicate=is_duplicate)


def shown_between(month: Month | None, rules: CountingRules) -> tuple[datetime, datetime] | None:
    """Return the times between which the answers were given whose comments the report of a month
    shows; None without a month."""
    if month is None:
        return None
    opens_at, closes_at = month.bounds(rules.timezone)
    return opens_at, closes_at + rules.edit_window


def _find_equal(halves: pd.DataFrame) -> Array:
    return halves.index[halves["uuid_low"].duplicated(keep=False)].to_numpy()


def _find_copies(candidates: pd.DataFrame) -> tuple[pd.Index, pd.DataFrame]:
    """Return the answers that are not the first copy of their event, and the copies that are as
    early as the first and differ from it."""
    copies = candidates[candidates.duplicated(UUID, keep=False)]
    copies = copies.sort_values([*UUID, "answered_at"])
    event = copies.groupby(UUID, dropna=False, sort=False).ngroup()
    copies = copies.assign(event=event)

    first_time = copies.groupby("event")["answered_at"].transform("first")
    earliest = copies[copies["answered_at"] == first_time]
    different = earliest.drop_duplicates(["event", *_DECISIVE, "shown"])
    tied_events = different.loc[different["event"].duplicated(), "event"]
    return copies.index[event.duplicated()], earliest[earliest["event"].isin(tied_events)]


def _find_greatest(tied: pd.DataFrame, lookup: AnswerLookup) -> pd.Index:
    """Return for each event the copy with the greatest properties; of equal properties, the copy of
    the greatest person."""
    if tied.empty:
        return tied.index
    ranks = [rank_copy(each.distinct_id, each.properties) for each in lookup.look_up_events(tied)]
    ranked = tied[UUID].assign(
        properties=[properties for properties, _ in ranks], person=[person for _, person in ranks]
    )
    ordered = ranked.sort_values(["properties", "person"], kind="stable")
    return ordered.index[~ordered.duplicated(UUID, keep="last")]
