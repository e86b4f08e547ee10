"""Checks each entry by itself: it has the columns of its kind, and values that can be. Pure."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from pipeline.donations.checks.difference import LedgerDiffers
from pipeline.donations.money import count_decimals
from survey.ledger import ChangeReason, EntryKind, LedgerEntry
from survey.ledger_chain import name_entry

_OF_ALL = {"sequence", "kind", "month", "recorded_at", "recorded_by", "previous_hash", "hash"}
_COUNTED = {
    *("hedgehogs", "timezone", "opens_at", "closes_at", "rules", "newest_answer"),
    "tickets_digest",
}
_CHARITY = {"charity", "charity_reference"}
# What an entry of each kind has, and what it can have.
_COLUMNS: Mapping[EntryKind, tuple[set[str], set[str]]] = {
    EntryKind.RATE: ({"unit_amount", "currency"}, _CHARITY),
    EntryKind.OPENING: (_COUNTED, {"reason"}),
    EntryKind.CLOSE: (_COUNTED, {"unit_amount", "currency", "amount", *_CHARITY}),
    EntryKind.ADJUSTMENT: (
        {"original_month", "ticket_id", "reason", "hedgehogs"},
        {"unit_amount", "currency"},
    ),
    EntryKind.PAYMENT: ({"amount", "currency", "paid_on", "payment_reference"}, set()),
    EntryKind.CORRECTION: ({"reason", "amount", "currency", "corrected"}, set()),
}
# Columns of money, of which an entry has all that its kind can have, or none.
_MONEY = {"unit_amount", "currency", "amount"}
# No currency has more decimals, and no charity gets more.
_MOST_DECIMALS = 6
_TOO_MUCH = Decimal(10) ** 18


def read_entry(row: Mapping[str, Any]) -> LedgerEntry:
    """Return the entry with these columns. Raise LedgerDiffers if the ledger writes no such
    entry."""
    try:
        entry = LedgerEntry.of(row)
    except ValueError as error:
        raise LedgerDiffers(f"{name_entry(row)} cannot be read: {error}") from None
    faults = (
        *_find_other_spelling(entry, row),
        *_find_other_columns(entry),
        *_find_bad_counts(entry),
        *_find_bad_amounts(entry),
        *_find_bad_bounds(entry),
    )
    if faults:
        raise LedgerDiffers(f"{name_entry(row)} is no entry that the ledger writes: {faults[0]}")
    return entry


def _find_other_spelling(entry: LedgerEntry, row: Mapping[str, Any]) -> Sequence[str]:
    values = entry.to_values()
    return [
        f"{name} is {row[name]!r}, and would be {value!r}"
        for name, value in values.items()
        if row[name] != value
    ]


def _find_other_columns(entry: LedgerEntry) -> Sequence[str]:
    needed, possible = _COLUMNS[entry.kind]
    given = {name for name, value in vars(entry).items() if value is not None} - _OF_ALL
    money = (needed | possible) & _MONEY
    return [
        *(f"it has no {name}" for name in sorted(needed - given)),
        *(f"it has a {name}" for name in sorted(given - needed - possible)),
        *(f"it has no {name}" for name in sorted(money - given) if money & given),
    ]


def _find_bad_counts(entry: LedgerEntry) -> Sequence[str]:
    if entry.hedgehogs is None:
        return ()
    if entry.kind is EntryKind.ADJUSTMENT:
        is_right = entry.hedgehogs in (1, -1) and entry.reason in set(ChangeReason)
    elif entry.kind is EntryKind.OPENING:
        # The first opening of a month counts its responses, a later one those that have changed.
        is_right = entry.hedgehogs > 0 or (entry.hedgehogs < 0 and entry.reason is not None)
    else:
        is_right = entry.hedgehogs >= 0
    return () if is_right else [f"it counts {entry.hedgehogs} hedgehogs, reason {entry.reason}"]


def _find_bad_amounts(entry: LedgerEntry) -> Sequence[str]:
    return [
        f"{name} is {amount}"
        for name, amount in (("unit_amount", entry.unit_amount), ("amount", entry.amount))
        if amount is not None
        and not (0 <= amount < _TOO_MUCH and 0 <= count_decimals(amount) <= _MOST_DECIMALS)
    ]


def _find_bad_bounds(entry: LedgerEntry) -> Sequence[str]:
    if entry.timezone is None or entry.opens_at is None or entry.closes_at is None:
        return ()
    if entry.opens_at >= entry.closes_at:
        return [f"it opens at {entry.opens_at} and closes at {entry.closes_at}"]
    try:
        ZoneInfo(entry.timezone)
    except (KeyError, ValueError, OSError):
        return [f"this machine knows no time zone {entry.timezone!r}"]
    return ()
