"""Checks what the closes make due: rates, prices of adjustments, and the amounts. Pure."""

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal, localcontext

from pipeline.donations.checks.difference import LedgerDiffers
from pipeline.donations.ledger import Charity, Ledger, Rate
from pipeline.donations.money import count_decimals, round_amount
from pipeline.donations.posting import Change, post_changes, price_change
from survey.ledger import ChangeReason, EntryKind, LedgerEntry
from survey.ledger_chain import name_entry

# More digits than the largest number of hedgehogs at the highest price has.
_DIGITS = 60


def check_money(entries: Sequence[LedgerEntry]) -> None:
    """Check every close against the entries before it, which stand in an order that can be. Raise
    LedgerDiffers."""
    decimals: dict[str, int] = {}
    with localcontext() as context:
        context.prec = _DIGITS
        begin = 0
        for index, entry in enumerate(entries):
            if entry.kind is EntryKind.CLOSE:
                adjustments = [
                    each for each in entries[begin:index] if each.kind is EntryKind.ADJUSTMENT
                ]
                _check_close(Ledger(entries[:begin]), entry, adjustments)
                _check_decimals(entry, decimals)
            if entry.kind not in (EntryKind.OPENING, EntryKind.ADJUSTMENT):
                begin = index + 1


def _check_close(ledger: Ledger, close: LedgerEntry, adjustments: Sequence[LedgerEntry]) -> None:
    """Check a close and the adjustments that were written with it; `ledger` is what stood before
    them."""
    rate = ledger.rate_of(close.month)
    if Rate.of(close) != rate:
        raise LedgerDiffers(
            f"{name_entry(vars(close))} has the rate {_show_rate(Rate.of(close))}, and the "
            f"entries before it say {_show_rate(rate)}"
        )
    charity = ledger.charity_of(close.month)
    if charity is not None and charity != Charity.of(close):
        raise LedgerDiffers(
            f"{name_entry(vars(close))} names {close.charity} ({close.charity_reference}), and "
            f"the entries before it say {charity.name} ({charity.reference})"
        )
    amount = _check_adjustments(ledger, close, adjustments, rate)
    if amount is not None and close.amount is not None:
        rounded = amount.quantize(Decimal(1).scaleb(-count_decimals(close.amount)), ROUND_HALF_EVEN)
        if close.amount != rounded:
            raise LedgerDiffers(
                f"{name_entry(vars(close))} makes {close.amount} {close.currency} due, and its "
                f"hedgehogs come to {rounded} {close.currency}"
            )


def _check_adjustments(
    ledger: Ledger, close: LedgerEntry, adjustments: Sequence[LedgerEntry], rate: Rate | None
) -> Decimal | None:
    """Check what a close has posted; return the exact amount of its month, None without a rate."""
    posting = post_changes(
        close.hedgehogs or 0,
        rate,
        [_change_of(each) for each in adjustments],
        lambda change: price_change(ledger, change, rate),
    )
    for entry, priced in zip(adjustments, posting.posted, strict=False):
        if _change_of(entry) != priced.change:
            raise LedgerDiffers(
                f"{name_entry(vars(entry))} stands in the place of the adjustment of ticket "
                f"{priced.change.ticket_id} in {priced.change.month}: what adds comes first, then "
                "what takes away, the oldest months first"
            )
        currency = rate.currency if rate else None
        if (entry.unit_amount, entry.currency) != (priced.unit_amount, currency):
            raise LedgerDiffers(
                f"{name_entry(vars(entry))} has the price {entry.unit_amount} {entry.currency}, "
                f"and must have {priced.unit_amount} {currency}"
            )
    if posting.pending:
        entry = adjustments[len(posting.posted)]
        raise LedgerDiffers(
            f"{name_entry(vars(entry))} takes hedgehogs or money of the month below zero"
        )
    return posting.amount


def _check_decimals(close: LedgerEntry, decimals: dict[str, int]) -> None:
    """Check that an amount is rounded to its currency's minor unit: to that of today, or to that of
    the close before it, because ISO 4217 may change it later."""
    if close.amount is None or close.currency is None:
        return
    found = count_decimals(close.amount)
    today = count_decimals(round_amount(Decimal(0), close.currency))
    before = decimals.setdefault(close.currency, found)
    if found not in (today, before):
        raise LedgerDiffers(
            f"{name_entry(vars(close))} makes {close.amount} {close.currency} due, with {found} "
            f"decimals, and the month before it has {before}"
        )
    decimals[close.currency] = found


def _change_of(entry: LedgerEntry) -> Change:
    # An entry that was read has what its kind needs.
    assert entry.original_month and entry.ticket_id is not None and entry.hedgehogs
    return Change(
        entry.original_month, entry.ticket_id, entry.hedgehogs, ChangeReason(entry.reason or "")
    )


def _show_rate(rate: Rate | None) -> str:
    return "none" if rate is None else f"{rate.unit_amount} {rate.currency}"
