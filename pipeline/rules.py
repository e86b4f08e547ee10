"""The rules of counting, for whole frames: what becomes of each answer, which responses stand.

`survey/rules.py` holds the same rules for one ticket; a property-based test keeps them equal.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta, tzinfo

import pandas as pd

from pipeline.schemas import ANSWERS, DECIDED, RESPONSES, check
from survey.settings import Settings
from survey.store.vocabulary import COUNTED, TRUST_ORDER, Outcome


@dataclass(frozen=True)
class FrameRules:
    """What the rules depend on besides the answers."""

    edit_window: timedelta
    test_distinct_ids: frozenset[str]
    void_tickets: frozenset[str]


def frame_rules(settings: Settings, void_tickets: Collection[str]) -> FrameRules:
    """The rules as configured, with the tickets that the store holds void."""
    return FrameRules(settings.edit_window, settings.test_distinct_ids, frozenset(void_tickets))


def decide(answers: pd.DataFrame, rules: FrameRules) -> pd.DataFrame:
    """The answers with a column `outcome` (design.md section 5).

    Takes and checks `schemas.ANSWERS`, gives `schemas.DECIDED` in the order of the input.
    """
    answers = check(answers, ANSWERS)
    outcome = _reasons_not_valid(answers, rules)
    valid = answers[outcome.isna()].sort_values(["ticket_id", "answered_at", "uuid"])
    outcome = outcome.fillna(_outcomes_of_valid(valid, rules))
    return check(answers.assign(outcome=outcome.astype("str")), DECIDED)


def _reasons_not_valid(answers: pd.DataFrame, rules: FrameRules) -> pd.Series:
    """The first reason that applies to each answer by itself; missing for valid answers."""
    applies = {
        Outcome.DUPLICATE: answers["is_duplicate"],
        Outcome.OTHER_SURVEY: answers["is_other_survey"],
        Outcome.NO_TICKET: answers["ticket_id"].isna(),
        Outcome.INVALID_RATING: answers["rating"].isna(),
        Outcome.TEST: answers["distinct_id"].isin(rules.test_distinct_ids),
        Outcome.VOID: answers["ticket_id"].isin(rules.void_tickets),
    }
    reasons = pd.Series(pd.NA, index=answers.index, dtype="object")
    for reason, rows in applies.items():
        reasons = reasons.mask(reasons.isna() & rows, reason.value)
    return reasons


def _outcomes_of_valid(valid: pd.DataFrame, rules: FrameRules) -> pd.Series:
    """Response, edit, other person or late change, for valid answers in order per ticket."""
    trust = valid["link_trust"].map({word.value: rank for rank, word in enumerate(TRUST_ORDER)})
    highest = trust.groupby(valid["ticket_id"]).transform("max")
    persons = valid[trust == highest].drop_duplicates("ticket_id").set_index("ticket_id")
    is_own = valid["distinct_id"] == valid["ticket_id"].map(persons["distinct_id"])

    own = valid[is_own]
    first_at = own.groupby("ticket_id")["answered_at"].transform("first")
    outcomes = pd.Series(Outcome.OTHER_PERSON.value, index=valid.index, dtype="object")
    outcomes[own.index] = Outcome.EDIT.value
    outcomes[own.index[own["answered_at"] - first_at > rules.edit_window]] = (
        Outcome.LATE_CHANGE.value
    )
    outcomes[own.index[~own.duplicated("ticket_id")]] = Outcome.RESPONSE.value
    return outcomes


def derive_responses(decided: pd.DataFrame, timezone: tzinfo) -> pd.DataFrame:
    """One row per ticket: time and team of its first answer, the rest of its latest.

    Takes `schemas.DECIDED`, gives `schemas.RESPONSES` by ticket.
    """
    decided = check(decided, DECIDED)
    counted = decided[decided["outcome"].isin(COUNTED)]
    counted = counted.sort_values(["ticket_id", "answered_at", "uuid"])
    first = counted.drop_duplicates("ticket_id", keep="first").reset_index(drop=True)
    latest = counted.drop_duplicates("ticket_id", keep="last").reset_index(drop=True)
    responses = first[["ticket_id", "team", "answered_at"]].merge(
        latest[["ticket_id", "rating", "comment", "link_trust"]],
        on="ticket_id",
        validate="one_to_one",
    )
    responses["month"] = months_of(responses["answered_at"], timezone)
    return check(responses[list(RESPONSES.columns)], RESPONSES)


def months_of(instants: pd.Series, timezone: tzinfo) -> pd.Series:
    """The month of each instant as a calendar in `timezone` shows it, as text `YYYY-MM`."""
    months: pd.Series = instants.dt.tz_convert(timezone).dt.strftime("%Y-%m").astype("str")
    return months
