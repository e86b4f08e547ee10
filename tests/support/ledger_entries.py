"""Entries of the donation ledger, made up without a store, and ledgers of them."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from pipeline.donations.ledger import Ledger
from survey.ledger import NO_HASH, EntryKind, LedgerEntry, NewEntry, chain_entries
from survey.months import Month

LONDON = ZoneInfo("Europe/London")
RECORDED_AT = datetime(2026, 11, 3, 9, tzinfo=LONDON)


def an_entry(kind: EntryKind, month: Month, **fields: Any) -> NewEntry:
    """An entry that Fiona records."""
    return NewEntry(
        **{
            "kind": kind,
            "month": month,
            "recorded_at": RECORDED_AT,
            "recorded_by": "fiona",
            **fields,
        }
    )


def a_rate(month: Month, amount: str, currency: str = "GBP", **fields: Any) -> NewEntry:
    return an_entry(EntryKind.RATE, month, unit_amount=Decimal(amount), currency=currency, **fields)


def an_opening(month: Month, hedgehogs: int, **fields: Any) -> NewEntry:
    return _count(EntryKind.OPENING, month, hedgehogs, **fields)


def a_close(month: Month, hedgehogs: int, **fields: Any) -> NewEntry:
    return _count(EntryKind.CLOSE, month, hedgehogs, **fields)


def a_priced_close(
    month: Month, hedgehogs: int, rate: str, amount: str, currency: str = "GBP", **fields: Any
) -> NewEntry:
    money = {"unit_amount": Decimal(rate), "amount": Decimal(amount), "currency": currency}
    return a_close(month, hedgehogs, **money, **fields)


def an_adjustment(
    month: Month, original_month: Month, hedgehogs: int, ticket_id: str = "T-1", **fields: Any
) -> NewEntry:
    return an_entry(
        EntryKind.ADJUSTMENT,
        month,
        **{
            "original_month": original_month,
            "ticket_id": ticket_id,
            "hedgehogs": hedgehogs,
            "reason": "void",
            **fields,
        },
    )


def a_payment(month: Month, amount: str, reference: str = "BACS 1", day: int = 3) -> NewEntry:
    return an_entry(
        EntryKind.PAYMENT,
        month,
        amount=Decimal(amount),
        currency="GBP",
        paid_on=date(2026, 11, day),
        payment_reference=reference,
    )


def a_correction(month: Month, corrected: int) -> NewEntry:
    return an_entry(EntryKind.CORRECTION, month, reason="wrong account", corrected=corrected)


def a_ledger(*new: NewEntry) -> Ledger:
    """The ledger that has these entries, numbered from 1 on."""
    return Ledger([LedgerEntry.of(row) for row in chain_entries(new, 0, NO_HASH)])


def _count(kind: EntryKind, month: Month, hedgehogs: int, **fields: Any) -> NewEntry:
    return an_entry(
        kind,
        month,
        **{
            "hedgehogs": hedgehogs,
            "timezone": str(LONDON),
            "opens_at": month.opens_at(LONDON),
            "closes_at": month.closes_at(LONDON),
            **fields,
        },
    )
