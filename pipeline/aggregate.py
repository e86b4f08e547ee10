"""From deduplicated answers to counts: the rules are applied to parts that share no ticket."""

from collections.abc import Callable

import pandas as pd

from pipeline.answers import ticket_keys
from pipeline.counts import (
    MonthCounts,
    MonthPart,
    MonthQuery,
    Totals,
    add_totals,
    count_month_part,
    count_totals,
    join_month_parts,
)
from pipeline.events import AnswerLookup
from pipeline.partitions import Result, map_partitions
from pipeline.rules import decide
from survey.counting_rules import CountingRules
from survey.erasures import NOTHING_ERASED, Erasures
from survey.months import Month


def count_answers(answers: pd.DataFrame, rules: CountingRules) -> Totals:
    """Count answers (`schemas.DEDUPLICATED`): how many there are, and the responses of every
    month."""
    return add_totals(_map_tickets(answers, lambda part: count_part(part, rules)))


def count_part(answers: pd.DataFrame, rules: CountingRules) -> Totals:
    """Count a part that holds all answers of its tickets, as `count_answers` does."""
    return count_totals(decide(answers, rules), rules.timezone)


def count_month(
    answers: pd.DataFrame,
    lookup: AnswerLookup,
    month: Month,
    since: Month,
    rules: CountingRules,
    erasures: Erasures = NOTHING_ERASED,
) -> MonthCounts:
    """Count what the report of a month needs, and the months since another.

    `answers` are `schemas.DEDUPLICATED`; comments are looked up, and left out if they were erased.
    """
    query = MonthQuery(month, since, has_erasures=bool(erasures))

    def count(part: pd.DataFrame) -> MonthPart:
        return count_part_of_month(part, query, rules)

    return join_month_parts(_map_tickets(answers, count), lookup, month, rules, erasures)


def count_part_of_month(
    answers: pd.DataFrame, query: MonthQuery, rules: CountingRules
) -> MonthPart:
    """Count a part that holds all answers of its tickets, as `count_month` does."""
    return count_month_part(decide(answers, rules), query, rules.timezone)


def _map_tickets(answers: pd.DataFrame, count: Callable[[pd.DataFrame], Result]) -> list[Result]:
    """Call `count` with each part of the answers; the parts share no ticket."""
    # pandas finds rows faster by numbers without gaps.
    return map_partitions(
        answers, ticket_keys(answers), lambda part: count(part.reset_index(drop=True))
    )
