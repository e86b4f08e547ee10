"""Rules 2 to 7 of docs/rules.md for whole frames: what becomes of each answer.

`survey/rules.py` holds the same rules for one ticket; a property-based test keeps them equal.
"""

from datetime import datetime

import numpy as np
import pandas as pd

from pipeline.answers import UUID, sort_by_ticket, split_ticket
from pipeline.schemas import DECIDED, NO_TICKET, OUTCOMES, check
from survey.counting_rules import CountingRules
from survey.vocabulary import TRUST_ORDER, Outcome, Trust

# Outcomes as the codes of their category; -1 is a missing value.
_CODE = {outcome: np.int8(code) for code, outcome in enumerate(Outcome)}
_NO_REASON = np.int8(-1)
_UNVERIFIED = TRUST_ORDER.index(Trust.UNVERIFIED)
# What decides between several answers to a ticket.
_OF_TICKETS = ["ticket", "answered_at", *UUID, "person", "trust"]


def decide(answers: pd.DataFrame, rules: CountingRules) -> pd.DataFrame:
    """Return the answers with a column `outcome`; all answers to a ticket must be there.

    Takes `schemas.DEDUPLICATED`, gives `schemas.DECIDED` in the same order.
    """
    outcome = _find_reasons(answers, rules)
    if rules.unverified_excluded_from is not None:
        valid = answers.loc[outcome.isna(), _OF_TICKETS]
        outcome[_find_excluded(valid, rules.unverified_excluded_from)] = Outcome.UNVERIFIED.value
    # Most tickets have one valid answer, which is their response.
    ticket = answers.loc[outcome.isna(), "ticket"]
    has_others = ticket.duplicated(keep=False)
    outcome = outcome.fillna(Outcome.RESPONSE.value)
    several = sort_by_ticket(answers.loc[ticket.index[has_others], _OF_TICKETS])
    outcome[several.index] = _decide_tickets(several, rules)
    return check(answers.assign(outcome=outcome), DECIDED)


def _find_reasons(answers: pd.DataFrame, rules: CountingRules) -> pd.Series:
    """Return the first reason why an answer does not count by itself; missing for a valid
    answer."""
    reasons = {
        Outcome.DUPLICATE: answers["is_duplicate"],
        Outcome.OTHER_SURVEY: answers["is_other_survey"],
        Outcome.NO_TICKET: answers["ticket"] == NO_TICKET,
        Outcome.INVALID_RATING: answers["rating"] == 0,
        Outcome.TEST: answers["person"].isin(rules.test_distinct_ids),
        Outcome.VOID: _is_void(answers, rules),
    }
    codes = np.select(list(reasons.values()), [_CODE[reason] for reason in reasons], _NO_REASON)
    return pd.Series(pd.Categorical.from_codes(codes, dtype=OUTCOMES), answers.index)


def _is_void(answers: pd.DataFrame, rules: CountingRules) -> pd.Series:
    voids = [split_ticket(ticket) for ticket in rules.void_tickets]
    is_number = answers["ticket"].isin([number for number, text in voids if text is None])
    return is_number | answers["ticket_text"].isin([text for _, text in voids if text is not None])


def _find_excluded(valid: pd.DataFrame, since: datetime) -> pd.Index:
    """Return the valid answers of tickets that do not count: all valid answers of the ticket are
    unverified, so that the response would begin with the first of them, at `since` or later."""
    lets_count = (valid["trust"] != _UNVERIFIED) | (valid["answered_at"] < since)
    counts = valid["ticket"].isin(valid.loc[lets_count, "ticket"])
    return valid.index[~counts]


def _decide_tickets(valid: pd.DataFrame, rules: CountingRules) -> pd.Series:
    """Return the outcome of valid answers, which `sort_by_ticket` has put in order."""
    ticket = valid["ticket"]
    # Rule 3: the first of the answers with the highest trust names the ticket's person.
    person = pd.Series(pd.factorize(valid["person"])[0], valid.index)
    has_highest_trust = valid["trust"] == valid.groupby("ticket")["trust"].transform("max")
    person_of_ticket = person.where(has_highest_trust).groupby(ticket).transform("first")
    is_own = person == person_of_ticket

    # Rule 4: the response begins with that person's first answer.
    began_at = valid["answered_at"].where(is_own).groupby(ticket).transform("first")
    is_first = is_own & (is_own.groupby(ticket).cumsum() == 1)

    # Rule 5: later answers of the same person change it, up to the end of the edit window.
    is_in_time = valid["answered_at"] - began_at <= rules.edit_window
    outcome = np.select(
        [~is_own, is_first, is_in_time],
        [_CODE[Outcome.OTHER_PERSON], _CODE[Outcome.RESPONSE], _CODE[Outcome.EDIT]],
        _CODE[Outcome.LATE_CHANGE],
    )
    return pd.Series(pd.Categorical.from_codes(outcome, dtype=OUTCOMES), valid.index)
