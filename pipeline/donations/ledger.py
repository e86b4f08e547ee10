"""The donation ledger as a whole: what its entries add up to. Pure."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Self

from survey.ledger import EntryKind, LedgerEntry, NewEntry
from survey.months import Month


class Status(StrEnum):
    """What has become of a month."""

    OPENING = "opening"
    OPEN = "open"
    CLOSED = "closed"
    PARTLY_PAID = "partly_paid"
    PAID = "paid"


@dataclass(frozen=True)
class Rate:
    """What one hedgehog is worth."""

    unit_amount: Decimal
    currency: str

    @classmethod
    def of(cls, entry: NewEntry) -> Self | None:
        """Return the rate that an entry has; None if it has none."""
        if entry.unit_amount is None or entry.currency is None:
            return None
        return cls(entry.unit_amount, entry.currency)


@dataclass(frozen=True)
class Charity:
    """Who gets the money, and under which reference."""

    name: str
    reference: str | None = None

    @classmethod
    def of(cls, entry: NewEntry) -> Self | None:
        """Return the charity that an entry names; None if it names nobody."""
        return None if entry.charity is None else cls(entry.charity, entry.charity_reference)


@dataclass(frozen=True)
class ClosedMonth:
    """A closed month with everything that was posted in it.

    `payments` are those that no correction has taken back.
    """

    close: LedgerEntry
    adjustments: tuple[LedgerEntry, ...]
    payments: tuple[LedgerEntry, ...]
    latest: LedgerEntry

    @property
    def month(self) -> Month:
        """The month."""
        return self.close.month

    @property
    def responses(self) -> int:
        """The responses that were counted at the close."""
        return self.close.hedgehogs or 0

    @property
    def adjusted(self) -> int:
        """The sum of the adjustments that were posted in this month."""
        return sum(each.hedgehogs or 0 for each in self.adjustments)

    @property
    def hedgehogs(self) -> int:
        """The hedgehogs that this month pays for."""
        return self.responses + self.adjusted

    @property
    def rate(self) -> Rate | None:
        """What one hedgehog of this month is worth; None if it was closed without an amount."""
        return Rate.of(self.close)

    @property
    def charity(self) -> Charity | None:
        """Who gets the money; None if nobody was named at the close."""
        return Charity.of(self.close)

    @property
    def amount(self) -> Decimal | None:
        """What is owed for the month; None if it was closed without an amount."""
        return self.close.amount

    @property
    def paid(self) -> Decimal:
        """What was paid."""
        return sum((each.amount or Decimal(0) for each in self.payments), Decimal(0))

    @property
    def due(self) -> Decimal:
        """What is still to be paid."""
        return (self.amount or Decimal(0)) - self.paid

    @property
    def status(self) -> Status:
        """What has become of the month."""
        if not self.payments:
            return Status.CLOSED
        return Status.PARTLY_PAID if self.due else Status.PAID


class Ledger:
    """The entries of the ledger, in their order, and what they add up to."""

    def __init__(self, entries: Sequence[LedgerEntry]) -> None:
        self.entries = tuple(entries)
        self.rates = [each for each in entries if each.kind is EntryKind.RATE]
        self.openings: dict[Month, list[LedgerEntry]] = {}
        self._changes: dict[Month, list[LedgerEntry]] = {}
        for each in entries:
            if each.kind is EntryKind.OPENING:
                self.openings.setdefault(each.month, []).append(each)
            elif each.original_month is not None:
                self._changes.setdefault(each.original_month, []).append(each)
        self.closed = _closed_months(entries)

    @property
    def first(self) -> ClosedMonth | None:
        """The month that was closed first; None before the first close."""
        return next(iter(self.closed.values()), None)

    @property
    def last(self) -> ClosedMonth | None:
        """The month that was closed last; None before the first close."""
        return next(reversed(self.closed.values()), None)

    @property
    def next_month(self) -> Month | None:
        """The only month that can be closed now; None before the first close, which may name any
        month."""
        return None if self.last is None else self.last.month.shift(1)

    @property
    def months(self) -> list[Month]:
        """The months that the ledger has counted: the opening ones, and the closed ones."""
        return [*sorted(self.openings), *self.closed]

    def rate_of(self, month: Month) -> Rate | None:
        """Return what one hedgehog of a month that is not closed yet is worth; None if no rate
        holds for the month."""
        entry = self.rate_entry_of(month)
        return None if entry is None else Rate.of(entry)

    def rate_entry_of(self, month: Month) -> LedgerEntry | None:
        """Return the entry whose rate holds for a month that is not closed yet; None if none
        does."""
        return self._effective(month, self.rates)

    def charity_of(self, month: Month) -> Charity | None:
        """Return who gets the money of a month that is not closed yet: the charity that a rate
        named last; None if none did."""
        named = [each for each in self.rates if each.charity is not None]
        entry = self._effective(month, named)
        return None if entry is None else Charity.of(entry)

    def counted_in(self, month: Month) -> int:
        """Return how many responses of a month the ledger has counted: those of its close or its
        opening, with every posted change of them, in whichever month it was posted."""
        if month in self.closed:
            changed = sum(each.hedgehogs or 0 for each in self.changes_of(month))
            return self.closed[month].responses + changed
        return sum(each.hedgehogs or 0 for each in self.openings.get(month, ()))

    def changes_of(self, month: Month) -> tuple[LedgerEntry, ...]:
        """Return the adjustments that cite a month, in whichever month they were posted."""
        return tuple(self._changes.get(month, ()))

    def entries_of(self, month: Month) -> list[LedgerEntry]:
        """Return the entries that belong to the line of a month, in their order; rates belong to
        none."""
        return [
            each for each in self.entries if each.month == month and each.kind is not EntryKind.RATE
        ]

    def entries_behind(self, months: Collection[Month]) -> list[LedgerEntry]:
        """Return the entries behind the lines of these months, in their order: their own, and the
        rates up to the last of them.

        No later entry but a payment or its correction joins those of closed months. With a month
        that is not counted yet come all rates.
        """
        if not months:
            return []
        last = max(months)
        is_counted = last in self.closed or last in self.openings
        return [
            each
            for each in self.entries
            if (
                (not is_counted or each.month <= last)
                if each.kind is EntryKind.RATE
                else each.month in months
            )
        ]

    @staticmethod
    def _effective(month: Month, rates: Iterable[LedgerEntry]) -> LedgerEntry | None:
        """Return the rate that begins last of those that hold for the month; of those that begin
        in the same month, the one that was recorded last."""
        holding = [each for each in rates if each.month <= month]
        return max(holding, key=lambda each: (each.month, each.sequence), default=None)


def _closed_months(entries: Sequence[LedgerEntry]) -> dict[Month, ClosedMonth]:
    closes = {each.month: each for each in entries if each.kind is EntryKind.CLOSE}
    of_month: dict[Month, list[LedgerEntry]] = {month: [] for month in closes}
    for each in entries:
        if each.month in of_month and each.kind is not EntryKind.RATE:
            of_month[each.month].append(each)
    return {month: _closed_month(close, of_month[month]) for month, close in sorted(closes.items())}


def _closed_month(close: LedgerEntry, entries: Sequence[LedgerEntry]) -> ClosedMonth:
    corrected = {each.corrected for each in entries if each.kind is EntryKind.CORRECTION}
    return ClosedMonth(
        close=close,
        adjustments=tuple(each for each in entries if each.kind is EntryKind.ADJUSTMENT),
        payments=tuple(
            each
            for each in entries
            if each.kind is EntryKind.PAYMENT and each.sequence not in corrected
        ),
        latest=entries[-1],
    )
