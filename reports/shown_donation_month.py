"""What the page of one month of the donation ledger shows: how its amount came about, and its
history."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import groupby

from pipeline.donations.ledger import Rate
from pipeline.donations.summing import sum_adjustments
from reports.donation_wording import describe_entry, name_money, name_month, name_reason
from survey.ledger import EntryKind, LedgerEntry, NewEntry


@dataclass(frozen=True)
class SumRow:
    """A line of a sum: what is counted, how many hedgehogs, what each is worth, and together."""

    words: str
    hedgehogs: int
    price: str | None
    amount: str | None


@dataclass(frozen=True)
class ShownSum:
    """How hedgehogs and amount of a month came about. `exact` is the sum before it was rounded to
    `amount`, None if rounding changed nothing."""

    rows: tuple[SumRow, ...]
    hedgehogs: int
    exact: str | None
    amount: str | None


@dataclass(frozen=True)
class ShownEntry:
    """An entry of the ledger in the history of a month. Adjustments that were posted together are
    one line, with the hash of the last."""

    numbers: str
    recorded_at: datetime
    recorded_by: str
    words: str
    hash: str


def show_sum(close: NewEntry, adjustments: Sequence[NewEntry]) -> ShownSum:
    """Return how hedgehogs and amount of a close came about, with the adjustments posted in it."""
    responses, rate = close.hedgehogs or 0, Rate.of(close)
    rows = [_sum_row("Responses of the month", responses, rate)]
    exact = responses * rate.unit_amount if rate else Decimal(0)
    for each in sum_adjustments(adjustments):
        words = f"{name_month(each.original_month)}: {name_reason(each.reason)}"
        price = Rate(each.unit_amount or Decimal(0), rate.currency) if rate else None
        rows.append(_sum_row(words, each.hedgehogs, price))
        exact += each.amount or 0
    hedgehogs = sum(row.hedgehogs for row in rows)
    if rate is None or close.amount is None:
        return ShownSum(tuple(rows), hedgehogs, None, None)
    before = name_money(exact, rate.currency) if exact != close.amount else None
    return ShownSum(tuple(rows), hedgehogs, before, name_money(close.amount, rate.currency))


def show_history(entries: Sequence[LedgerEntry]) -> list[ShownEntry]:
    """Return the entries of a month's line, in their order."""
    shown = []
    for kind, group in groupby(entries, key=lambda each: each.kind):
        some = list(group)
        if kind is EntryKind.ADJUSTMENT and len(some) > 1:
            shown.append(_show_together(some))
        else:
            shown += [_show_entry(each) for each in some]
    return shown


def _show_entry(entry: LedgerEntry) -> ShownEntry:
    return ShownEntry(
        numbers=f"{entry.sequence:,}",
        recorded_at=entry.recorded_at,
        recorded_by=entry.recorded_by,
        words=describe_entry(entry),
        hash=entry.hash,
    )


def _show_together(adjustments: Sequence[LedgerEntry]) -> ShownEntry:
    first, last = adjustments[0], adjustments[-1]
    return ShownEntry(
        numbers=f"{first.sequence:,} to {last.sequence:,}",
        recorded_at=last.recorded_at,
        recorded_by=last.recorded_by,
        words=f"{len(adjustments):,} adjustments of earlier months",
        hash=last.hash,
    )


def _sum_row(words: str, hedgehogs: int, rate: Rate | None) -> SumRow:
    if rate is None:
        return SumRow(words, hedgehogs, None, None)
    amount = hedgehogs * rate.unit_amount
    return SumRow(
        words,
        hedgehogs,
        name_money(rate.unit_amount, rate.currency),
        name_money(amount, rate.currency),
    )
