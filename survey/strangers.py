"""Whether a ticket has enough unverified answers of others than its customer."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection

from survey.counting_rules import CountingRules
from survey.pseudonyms import unify_persons
from survey.rules import Answer, decide
from survey.store.deciding import FEW, count_strangers
from survey.vocabulary import Outcome, Trust


def is_one_too_many(
    connection: Connection,
    answer: Answer,
    earlier: Sequence[Answer],
    rules: CountingRules,
    most: int,
) -> bool:
    """Return whether an unverified answer comes from a stranger, and the ticket has `most` of such
    answers. `earlier` are those of the ticket that decide (`survey.store.deciding`)."""
    if all(each.distinct_id == answer.distinct_id for each in earlier):
        return False
    # Whose ticket it is does not depend on whether the ticket counts.
    rules = replace(rules, void_tickets=frozenset(), unverified_excluded_from=None)
    decision = decide([*earlier, answer], rules)
    if decision.outcomes[answer.uuid] is not Outcome.OTHER_PERSON or decision.response is None:
        return False
    customer = decision.response.first.distinct_id
    if len(earlier) < FEW:  # so these are all
        return _count(earlier, customer, rules) >= most
    return count_strangers(connection, answer.ticket_id or "", customer, most) >= most


def _count(earlier: Sequence[Answer], customer: str, rules: CountingRules) -> int:
    persons = unify_persons((each.distinct_id for each in earlier), rules.secrets)
    return sum(
        each.is_from_site
        and each.trust is Trust.UNVERIFIED
        and persons[each.distinct_id] != persons[customer]
        for each in earlier
    )
