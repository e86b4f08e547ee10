"""Rules 2 to 7 of docs/rules.md for whole frames: what becomes of each answer.

`survey/rules.py` holds the same rules for one ticket; a property-based test keeps them equal.
"""

from datetime import datetime

import numpy as np
import pandas as pd

from pipeline.answers import sort_by_ticket, split_ticket
from pipeline.proofs import OF_PROOFS, judge_trust
from pipeline.schemas import DECIDED, NO_TICKET, OUTCOMES, check
from survey.counting_rules import CountingRules
from survey.pseudonyms import PREFIX, unify_persons
from survey.vocabulary import Outcome

# Outcomes as the codes of their category; -1 is a missing value.
_CODE = {outcome: np.int8(code) for code, outcome in enumerate(Outcome)}
_NO_REASON = np.int8(-1)
# What decides between several answers to a ticket.
_OF_TICKETS = ["answered_at", *OF_PROOFS]


def decide(answers: pd.DataFrame, rules: CountingRules) -> pd.DataFrame:
    """Return the answers with a column `outcome`; all answers to a ticket must be there.

    Takes `schemas.DEDUPLICATED`, gives `schemas.DECIDED` in the same order.
    """
    outcome = _find_reasons(answers, rules)
    if rules.unverified_excluded_from is not None:
        valid = answers.loc[outcome.isna(), _OF_TICKETS]
        late = _begun_since(valid, rules.unverified_excluded_from)
        outcome[_find_excluded(late, rules)] = Outcome.UNVERIFIED.value
    # Most tickets have one valid answer, which is their response.
    ticket = answers.loc[outcome.isna(), "ticket"]
    has_others = ticket.duplicated(keep=False)
    outcome = outcome.fillna(Outcome.RESPONSE.value)
    several = sort_by_ticket(answers.loc[ticket.index[has_others], _OF_TICKETS])
    outcome[several.index] = _decide_tickets(several, rules)
    return check(answers.assign(outcome=outcome), DECIDED)


def depends_on_secrets(answers: pd.DataFrame, rules: CountingRules) -> pd.Series:
    """Return which answers (`schemas.DEDUPLICATED`) belong to tickets that only the secrets of the
    rules can decide. All others `decide` decides alike without them."""
    valid = answers[_find_reasons(answers, rules).isna()]
    contested = valid[_are_contested(valid["ticket"], valid["person"])]
    is_secret = (contested["trust"] < 0) | contested["person"].str.startswith(PREFIX)
    tickets = contested.loc[is_secret, "ticket"]
    if rules.unverified_excluded_from is not None:
        late = _begun_since(valid, rules.unverified_excluded_from)
        tickets = pd.concat([tickets, late.loc[late["trust"] < 0, "ticket"]])
    return answers["ticket"].isin(tickets)


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


def _begun_since(valid: pd.DataFrame, since: datetime) -> pd.DataFrame:
    """Return the valid answers of tickets that have none from before `since`."""
    return valid[~valid["ticket"].isin(valid.loc[valid["answered_at"] < since, "ticket"])]


def _find_excluded(late: pd.DataFrame, rules: CountingRules) -> pd.Index:
    """Return the answers of tickets that do not count: all valid answers of the ticket, `late`, are
    unverified, so that the response would begin with the first of them."""
    is_trusted = judge_trust(late, rules) > 0
    return late.index[~late["ticket"].isin(late.loc[is_trusted, "ticket"])]


def _are_contested(ticket: pd.Series, person: pd.Series) -> pd.Series:
    """Return which answers are to a ticket that several persons answered."""
    several = ticket[ticket.duplicated(keep=False)]
    codes = pd.Series(pd.factorize(person[several.index])[0], several.index)
    is_other = codes != codes.groupby(several).transform("first")
    return ticket.isin(several[is_other])


def _number_persons(valid: pd.DataFrame, rules: CountingRules) -> pd.Series:
    """Return a number for the person of each valid answer; of a ticket, an erased person and the
    pseudonym for them have the same one."""
    person = valid["person"]
    is_erased = person.str.startswith(PREFIX)
    if is_erased.any():
        of_erased = person[valid["ticket"].isin(valid.loc[is_erased, "ticket"])]
        unified = [
            pd.Series(unify_persons(given, rules.secrets))[given].set_axis(given.index)
            for _, given in of_erased.groupby(valid["ticket"])
        ]
        person = person.mask(person.index.isin(of_erased.index), pd.concat(unified))
    return pd.Series(pd.factorize(person)[0], valid.index)


def _decide_tickets(valid: pd.DataFrame, rules: CountingRules) -> pd.Series:
    """Return the outcome of valid answers, which `sort_by_ticket` has put in order."""
    ticket, trust = valid["ticket"], valid["trust"].abs()
    person = _number_persons(valid, rules)
    # The trust of one person's answers decides nothing.
    contested = valid[_are_contested(ticket, person)]
    trust[contested.index] = judge_trust(contested, rules)
    # Rule 3: the first of the answers with the highest trust names the ticket's person.
    has_highest_trust = trust == trust.groupby(ticket).transform("max")
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
