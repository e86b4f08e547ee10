"""The rules of counting, for whole frames: what becomes of each answer, which responses stand."""

from datetime import tzinfo

import numpy as np
import pandas as pd
import pyarrow as pa

from pipeline.column_rules import OUTCOMES, Columns, decide_columns
from pipeline.schemas import ANSWERS, DECIDED, RESPONSES, check
from survey.counting_rules import CountingRules
from survey.store.vocabulary import COUNTED, TRUST_ORDER


def decide(answers: pd.DataFrame, rules: CountingRules) -> pd.DataFrame:
    """The answers with a column `outcome` (docs/rules.md).

    Takes and checks `schemas.ANSWERS`, gives `schemas.DECIDED` in the order of the input.
    """
    answers = check(answers, ANSWERS)
    decided = decide_columns(_columns_of(answers, rules), rules.edit_window)
    words = np.array([outcome.value for outcome in OUTCOMES], dtype="object")
    outcome = pd.Series(words[decided.outcome], index=answers.index, dtype="str")
    return check(answers.assign(outcome=outcome), DECIDED)


def _columns_of(answers: pd.DataFrame, rules: CountingRules) -> Columns:
    uuids, _ = pd.factorize(answers["uuid"], sort=True)
    tickets, _ = pd.factorize(answers["ticket_id"])
    ranks = {word.value: rank for rank, word in enumerate(TRUST_ORDER)}
    return Columns(
        uuid_high=np.zeros(len(answers), np.uint64),
        uuid_low=uuids.astype(np.uint64),
        answered_at=answers["answered_at"].astype("int64").to_numpy(),
        # A missing ticket has the number -1.
        ticket=tickets.astype(np.int64),
        person=pa.array(answers["distinct_id"], pa.string()),
        rating=answers["rating"].fillna(0).to_numpy(np.int8),
        trust=answers["link_trust"].map(ranks).to_numpy(np.int8),
        is_duplicate=answers["is_duplicate"].to_numpy(bool),
        is_other_survey=answers["is_other_survey"].to_numpy(bool),
        is_test=answers["distinct_id"].isin(rules.test_distinct_ids).to_numpy(bool),
        is_void=answers["ticket_id"].isin(rules.void_tickets).to_numpy(bool),
    )


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
