"""Records what people decide: rates, payments, and payments that are taken back."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal

from pipeline.donations.ledger import Charity, ClosedMonth, Ledger, Rate
from pipeline.donations.money import round_amount
from survey.errors import CsatError
from survey.ledger import EntryKind, LedgerEntry, NewEntry
from survey.months import Month
from survey.settings import Settings
from survey.store.database import Database
from survey.store.ledger import Head, append_entries, read_entries


class Refused(CsatError):
    """The error that an entry is refused; the message says why, and what to do."""


def set_rate(
    database: Database,
    settings: Settings,
    first: Month,
    rate: Rate,
    charity: Charity | None,
    *,
    by: str,
    now: datetime,
) -> LedgerEntry:
    """Record what a hedgehog is worth from a month on, and who gets it; without a charity it stays
    the one that was named before. Raise Refused if the month is closed: its money never changes."""
    return _append(
        database,
        lambda ledger: prepare_rate(ledger, settings, first, rate, charity, by=by, now=now),
    )


def pay_month(
    database: Database,
    settings: Settings,
    month: Month,
    *,
    reference: str,
    paid_on: date,
    amount: Decimal | None,
    by: str,
    now: datetime,
) -> LedgerEntry:
    """Record that a month was paid: all that is due, or this amount of it.

    Raise Refused if the month is not closed, if nothing is due, if more is paid than that, or if
    the day is in the future or before the end of the month.
    """

    def prepare(ledger: Ledger) -> NewEntry:
        return prepare_payment(
            ledger,
            settings,
            month,
            reference=reference,
            paid_on=paid_on,
            amount=amount,
            by=by,
            now=now,
        )

    return _append(database, prepare)


def correct_payment(
    database: Database, settings: Settings, month: Month, *, reason: str, by: str, now: datetime
) -> LedgerEntry:
    """Take the last payment of a month back. Both stay on record. Raise Refused if the month has
    no payment."""
    return _append(
        database,
        lambda ledger: prepare_correction(ledger, settings, month, reason=reason, by=by, now=now),
    )


def prepare_rate(
    ledger: Ledger,
    settings: Settings,
    first: Month,
    rate: Rate,
    charity: Charity | None,
    *,
    by: str,
    now: datetime,
) -> NewEntry:
    """Return what `set_rate` would record in this ledger. Raise Refused."""
    if ledger.last is not None and first <= ledger.last.month:
        raise Refused(
            f"{first} is closed or before a closed month, and no rate changes it: the first "
            f"month that can have a new rate is {ledger.next_month}"
        )
    return NewEntry(
        kind=EntryKind.RATE,
        month=first,
        recorded_at=_local(now, settings),
        recorded_by=by,
        unit_amount=rate.unit_amount,
        currency=rate.currency,
        charity=charity.name if charity else None,
        charity_reference=charity.reference if charity else None,
    )


def prepare_payment(
    ledger: Ledger,
    settings: Settings,
    month: Month,
    *,
    reference: str,
    paid_on: date,
    amount: Decimal | None,
    by: str,
    now: datetime,
) -> NewEntry:
    """Return what `pay_month` would record in this ledger. Raise Refused."""
    line = _require_closed(ledger, month)
    currency = line.close.currency
    if line.amount is None or currency is None:
        raise Refused(f"{month} was closed without an amount: there is nothing to pay")
    paid = line.due if amount is None else amount
    _check_payment(line, currency, paid)
    _check_day(line, paid_on, _local(now, settings).date())
    return NewEntry(
        kind=EntryKind.PAYMENT,
        month=month,
        recorded_at=_local(now, settings),
        recorded_by=by,
        amount=round_amount(paid, currency),
        currency=currency,
        paid_on=paid_on,
        payment_reference=reference,
    )


def prepare_correction(
    ledger: Ledger, settings: Settings, month: Month, *, reason: str, by: str, now: datetime
) -> NewEntry:
    """Return what `correct_payment` would record in this ledger. Raise Refused."""
    line = _require_closed(ledger, month)
    if not line.payments:
        raise Refused(f"{month} has no payment that could be taken back")
    payment = line.payments[-1]
    return NewEntry(
        kind=EntryKind.CORRECTION,
        month=month,
        recorded_at=_local(now, settings),
        recorded_by=by,
        reason=reason,
        amount=payment.amount,
        currency=payment.currency,
        corrected=payment.sequence,
    )


def write_entry(database: Database, entry: NewEntry, head: Head) -> bool:
    """Append an entry that was prepared; return False, and write nothing, if somebody has added to
    the ledger since."""
    with database.writing() as connection:
        return append_entries(database, connection, [(entry, None)], head)


def _append(database: Database, prepare: Callable[[Ledger], NewEntry]) -> LedgerEntry:
    """Append the entry that is made of the ledger as it is; nobody else adds to it meanwhile."""
    with database.writing() as connection:
        database.lock_ledger(connection)
        new = prepare(Ledger(read_entries(connection)))
        append_entries(database, connection, [(new, None)])
        return read_entries(connection)[-1]


def _require_closed(ledger: Ledger, month: Month) -> ClosedMonth:
    if month not in ledger.closed:
        raise Refused(f"{month} is not closed: `csat donations close --month {month}` comes first")
    return ledger.closed[month]


def _check_payment(line: ClosedMonth, currency: str, paid: Decimal) -> None:
    if not line.due:
        reason = "is paid already" if line.payments else "owes nothing"
        raise Refused(f"{line.month} {reason}: {line.amount} {currency}")
    if paid > line.due:
        raise Refused(
            f"{paid} {currency} is more than what is due for {line.month}: {line.due} {currency}"
        )
    if paid <= 0 or paid != round_amount(paid, currency):
        raise Refused(f"{paid} is no amount that can be paid in {currency}")


def _check_day(line: ClosedMonth, paid_on: date, today: date) -> None:
    closes_at = line.close.closes_at
    if paid_on > today:
        raise Refused(f"{paid_on} is in the future: record a payment when it is made")
    if closes_at is not None and paid_on < closes_at.date():
        raise Refused(f"{paid_on} is before the end of {line.month}")


def _local(now: datetime, settings: Settings) -> datetime:
    return now.astimezone(settings.timezone).replace(microsecond=0)
