"""Finds out whether `CSAT_UNVERIFIED_EXCLUDED_FROM` would change a month that is closed: what was
promised for it must not be taken back, or grow, by a setting that can name any month."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection

from pipeline.donations.kept_rules import KeptRules
from pipeline.donations.ledger import Ledger
from pipeline.donations.posting import Change
from survey.counting_rules import CountingRules
from survey.months import Month
from survey.rules import decide
from survey.store.responses import answers_of_tickets
from survey.store.voids import void_among

_TICKETS_AT_ONCE = 500


def find_exclusion_obstacle(
    connection: Connection, ledger: Ledger, rules: CountingRules, changes: Sequence[Change]
) -> str | None:
    """Return which closed month the setting would change, and what to do; None if it changes none.
    `changes` are those that no entry has posted yet."""
    if ledger.last is None:
        return None
    kept = KeptRules.parse(ledger.last.close.rules).unverified_excluded_from
    if kept == rules.unverified_excluded_from:
        return None
    of_closed = [each for each in changes if each.month in ledger.closed]
    before = replace(rules, unverified_excluded_from=kept)
    caused = _find_caused(connection, of_closed, before, rules)
    if not caused:
        return None
    month = min(each.month for each in caused)
    responses = sum(each.hedgehogs for each in caused if each.month == month)
    # The time zone is that of the ledger, or no month is closed.
    now, then = (
        Month.of(each, rules.timezone) if each else None
        for each in (rules.unverified_excluded_from, kept)
    )
    is_now = "is not set" if now is None else f"is {now}"
    advice = f"set it to {ledger.next_month} or later, or leave it out"
    if then is not None and then <= ledger.last.month:
        advice = f"set it back to {then}"
    return (
        f"CSAT_UNVERIFIED_EXCLUDED_FROM {is_now}, which would give {month}, a closed month, "
        f"{abs(responses)} response{'' if abs(responses) == 1 else 's'} "
        f"{'more' if responses > 0 else 'less'}: {advice}"
    )


def _find_caused(
    connection: Connection, changes: Sequence[Change], before: CountingRules, now: CountingRules
) -> list[Change]:
    """Return the changes of tickets that have a response by only one of both rules."""
    caused: list[Change] = []
    for begin in range(0, len(changes), _TICKETS_AT_ONCE):
        some = changes[begin : begin + _TICKETS_AT_ONCE]
        tickets = [each.ticket_id for each in some]
        void = void_among(connection, tickets)
        answers = answers_of_tickets(connection, tickets)
        for each in some:
            given = answers[each.ticket_id]
            has_response = [
                decide(given, rules.with_voids(void)).response is not None
                for rules in (before, now)
            ]
            if has_response[0] != has_response[1]:
                caused.append(each)
    return caused
