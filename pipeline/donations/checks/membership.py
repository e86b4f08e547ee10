"""Checks that the ledger and the store agree on every single response."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from pipeline.donations.checks.difference import LedgerDiffers
from pipeline.donations.comparing import (
    CannotCompare,
    CountedMonth,
    check_changes,
    compare_month,
    recorded_tickets,
)
from pipeline.donations.ledger import Ledger
from pipeline.donations.posting import Change
from pipeline.sources.store import StoreSource
from survey.counting_rules import CountingRules
from survey.months import Month


@dataclass(frozen=True)
class CheckedMonth:
    """A month: how many responses the reports count in it, and the changes since it was counted
    that no entry has posted yet."""

    month: Month
    responses: int
    pending: tuple[Change, ...] = ()


def check_month(
    connection: Connection,
    counted: CountedMonth,
    ledger: Ledger,
    rules: CountingRules,
    source: StoreSource,
) -> CheckedMonth:
    """Check a month of the ledger against the responses of now. Raise LedgerDiffers.

    What has changed since the month was counted is no difference, as long as the answers, voids and
    settings of now explain it: the next close posts it. The reports count by themselves, and must
    come to the same number.
    """
    try:
        recorded = recorded_tickets(connection, counted)
        pending = tuple(compare_month(connection, counted, recorded, ledger, rules))
        check_changes(connection, pending, rules)
    except CannotCompare as error:
        raise LedgerDiffers(str(error)) from None
    in_ledger = ledger.counted_in(counted.month)
    waiting = sum(each.hedgehogs for each in pending)
    responses = source.count_responses(connection, counted.month)
    if in_ledger + waiting != responses:
        raise LedgerDiffers(
            f"{counted.month}: the ledger has counted {in_ledger} responses, {waiting:+} have "
            f"changed since, and the reports count {responses}; "
            f"{_compare_bounds(counted, rules)}"
        )
    return CheckedMonth(counted.month, responses, pending)


def check_total(months: Sequence[CheckedMonth], responses: int) -> None:
    """Check that the responses of all months are all that were counted. Raise LedgerDiffers."""
    total = sum(each.responses for each in months)
    if total != responses:
        raise LedgerDiffers(
            f"all months together have {total} responses, and the store has {responses}: a "
            "response lies in no month, or in two"
        )


def _compare_bounds(counted: CountedMonth, rules: CountingRules) -> str:
    """Return how the bounds with which a month was counted differ from those of the reports: a law
    may have changed the clocks of a time zone meanwhile."""
    opens_at, closes_at = counted.month.bounds(rules.timezone)
    if (opens_at, closes_at) == (counted.opens_at, counted.closes_at):
        return "both from the same instant to the same instant"
    return (
        f"the ledger from {counted.opens_at} to {counted.closes_at}, the reports from {opens_at} "
        f"to {closes_at}"
    )
