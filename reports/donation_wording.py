"""How pages, files and mails write what stands in the donation ledger. Pure."""

from collections.abc import Sequence
from decimal import Decimal

from pipeline.donations.ledger import ClosedMonth, Status
from reports.wording import (
    count_things,
    format_number,
    format_signed,
    join_words,
    name_date,
    name_period,
)
from survey.ledger import ChangeReason, EntryKind, LedgerEntry
from survey.months import Month
from survey.periods import Period

# More months than this are told as a range.
_MOST_MONTHS = 3

_REASONS = {
    ChangeReason.VOID: "void: the ticket was taken out",
    ChangeReason.UNVOID: "void no more: the ticket counts again",
    ChangeReason.LATE_IMPORT: "imported after the close",
    ChangeReason.LATE_ANSWER: "stored after the close",
    ChangeReason.OTHER_PERSON: "the ticket is another person’s now",
    ChangeReason.SETTINGS: "a setting changed that decides what counts",
}


def name_month(month: Month) -> str:
    """Return a month in words: `October 2026`."""
    return name_period(Period.of_month(month))


def name_months(months: Sequence[Month]) -> str:
    """Return months in words, oldest first; many of them by the first and the last."""
    names = [name_month(month) for month in sorted(months)]
    if len(names) > _MOST_MONTHS:
        return f"{len(names)} months, {names[0]} to {names[-1]}"
    return join_words(names)


def name_money(amount: Decimal, currency: str) -> str:
    """Return an amount of money: `GBP 1,207.50`."""
    # The amount stays beside its currency.
    return f"{currency}\u00a0{format_number(amount)}"


def name_reason(reason: str | None) -> str:
    """Return why a closed month changed, in words."""
    try:
        return _REASONS[ChangeReason(reason or "")]
    except ValueError:
        return reason or ""


def name_status(status: Status, closed: ClosedMonth | None) -> str:
    """Return what has become of a month, in words."""
    match status:
        case Status.OPENING:
            return "before the first close, not owed"
        case Status.OPEN:
            return "not closed yet"
        case Status.PAID:
            return "paid"
        case Status.PARTLY_PAID:
            return "partly paid"
    return "closed, to be paid" if closed and closed.due else "closed, nothing to pay"


def describe_entry(entry: LedgerEntry) -> str:
    """Return in words what an entry of the ledger says."""
    hedgehogs, reason = entry.hedgehogs or 0, name_reason(entry.reason)
    match entry.kind:
        case EntryKind.RATE:
            return f"{_name_amount(entry.unit_amount, entry.currency)} for a hedgehog"
        case EntryKind.OPENING if entry.reason is None:
            return f"{count_things(hedgehogs, 'response')} counted, never owed"
        case EntryKind.OPENING:
            return f"{format_signed(hedgehogs)}, never owed: {reason}"
        case EntryKind.CLOSE:
            due = _name_amount(entry.amount, entry.currency) or "no amount"
            return f"Closed: {count_things(hedgehogs, 'response')}, {due}"
        case EntryKind.ADJUSTMENT:
            return f"{format_signed(hedgehogs)} for ticket {entry.ticket_id}: {reason}"
        case EntryKind.PAYMENT:
            day = f" on {name_date(entry.paid_on)}" if entry.paid_on else ""
            paid = _name_amount(entry.amount, entry.currency)
            return f"{paid} paid{day}, reference {entry.payment_reference}"
    taken_back = _name_amount(entry.amount, entry.currency)
    return f"Payment of entry {entry.corrected} taken back, {taken_back}: {entry.reason}"


def _name_amount(amount: Decimal | None, currency: str | None) -> str:
    return "" if amount is None or currency is None else name_money(amount, currency)
