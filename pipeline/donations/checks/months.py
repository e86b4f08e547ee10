"""Checks the order of the entries: months close one after another, and only closed months change
and are paid. Pure."""

from collections.abc import Iterable
from decimal import Decimal

from pipeline.donations.checks.difference import LedgerDiffers
from survey.ledger import EntryKind, LedgerEntry
from survey.ledger_chain import name_entry
from survey.months import Month


def check_months(entries: Iterable[LedgerEntry]) -> None:
    """Check that every entry can stand where it stands. Raise LedgerDiffers."""
    order = _Order()
    for entry in entries:
        order.add(entry)
    order.end()


class _Order:
    """What the entries before one allow it to say."""

    def __init__(self) -> None:
        self._closed: dict[Month, LedgerEntry] = {}
        self._opened: set[Month] = set()
        # Openings and adjustments whose close comes after them.
        self._before_close: list[LedgerEntry] = []
        self._due: dict[Month, Decimal] = {}
        # The payments that no correction has taken back.
        self._payments: dict[int, LedgerEntry] = {}

    @property
    def _first(self) -> LedgerEntry | None:
        return next(iter(self._closed.values()), None)

    @property
    def _last(self) -> LedgerEntry | None:
        return next(reversed(self._closed.values()), None)

    def add(self, entry: LedgerEntry) -> None:
        """Check the next entry."""
        if entry.kind in (EntryKind.OPENING, EntryKind.ADJUSTMENT):
            self._add_before_close(entry)
        elif entry.kind is EntryKind.CLOSE:
            self._add_close(entry)
        else:
            self.end()
            if entry.kind is EntryKind.RATE:
                self._add_rate(entry)
            elif entry.kind is EntryKind.PAYMENT:
                self._add_payment(entry)
            else:
                self._add_correction(entry)

    def end(self) -> None:
        """Check that no close is missing here."""
        if self._before_close:
            raise _refuse(
                self._before_close[0],
                "was written together with a close, which does not follow it: entries are gone",
            )

    def _add_before_close(self, entry: LedgerEntry) -> None:
        if entry.kind is EntryKind.ADJUSTMENT:
            if entry.original_month not in self._closed:
                raise _refuse(
                    entry, f"changes {entry.original_month}, which was not closed before it"
                )
        elif self._first is None:
            if entry.month in self._opened:
                raise _refuse(entry, "counts its month a second time")
            if entry.reason is not None:
                raise _refuse(entry, "changes its month, which was not counted before it")
        else:
            if entry.month >= self._first.month:
                raise _refuse(
                    entry, f"does not lie before the first closed month, {self._first.month}"
                )
            if entry.reason is None:
                raise _refuse(entry, "counts a month before the first close too late")
        self._before_close.append(entry)
        if entry.kind is EntryKind.OPENING:
            self._opened.add(entry.month)

    def _add_close(self, entry: LedgerEntry) -> None:
        last = self._last
        if last is not None:
            if entry.month != last.month.shift(1):
                raise _refuse(entry, f"does not close {last.month.shift(1)}, the next month")
            if entry.opens_at != last.closes_at:
                raise _refuse(
                    entry, f"opens at {entry.opens_at}, and {last.month} closes at {last.closes_at}"
                )
        expected_timezone = last.timezone if last else entry.timezone
        if entry.closes_at is not None and entry.recorded_at < entry.closes_at:
            raise _refuse(entry, f"was recorded at {entry.recorded_at}, before the month's end")
        for each in (*self._before_close, entry):
            if each.kind is EntryKind.ADJUSTMENT:
                if each.month != entry.month:
                    raise _refuse(each, f"was written together with the close of {entry.month}")
            elif each.timezone != expected_timezone:
                raise _refuse(each, f"is in {each.timezone}, and the ledger in {expected_timezone}")
            elif each.kind is EntryKind.OPENING and each.month >= entry.month:
                raise _refuse(each, f"does not lie before the first closed month, {entry.month}")
        self._before_close = []
        self._closed[entry.month] = entry
        self._due[entry.month] = entry.amount or Decimal(0)

    def _add_rate(self, entry: LedgerEntry) -> None:
        if self._last is not None and entry.month <= self._last.month:
            raise _refuse(entry, f"begins in a month that was closed before it: {entry.month}")

    def _add_payment(self, entry: LedgerEntry) -> None:
        close = self._closed.get(entry.month)
        if close is None:
            raise _refuse(entry, "pays a month that was not closed before it")
        due, paid = self._due[entry.month], entry.amount or Decimal(0)
        if entry.currency != close.currency or not 0 < paid <= due:
            raise _refuse(
                entry, f"pays {paid} {entry.currency}, and {due} {close.currency or ''} was due"
            )
        self._due[entry.month] -= paid
        self._payments[entry.sequence] = entry

    def _add_correction(self, entry: LedgerEntry) -> None:
        payment = self._payments.pop(entry.corrected or 0, None)
        if payment is None or payment.month != entry.month:
            raise _refuse(
                entry, f"takes back entry {entry.corrected}, which is no payment of its month"
            )
        if (payment.amount, payment.currency) != (entry.amount, entry.currency):
            raise _refuse(
                entry,
                f"takes back {entry.amount} {entry.currency}, and {payment.amount} "
                f"{payment.currency} was paid",
            )
        self._due[entry.month] += payment.amount or Decimal(0)


def _refuse(entry: LedgerEntry, words: str) -> LedgerDiffers:
    return LedgerDiffers(f"{name_entry(vars(entry))} {words}")
