"""What the commands print of the donation ledger: what each has written, in words. Pure."""

from collections import Counter
from collections.abc import Sequence

from pipeline.donations.closing import Closed
from pipeline.donations.ledger import Charity, ClosedMonth, Ledger
from pipeline.donations.posting import Change
from pipeline.donations.summing import AdjustmentSum, sum_adjustments
from reports.donation_wording import name_money, name_month, name_reason
from reports.wording import count_things, format_number, format_signed, name_date
from survey.ledger import LedgerEntry, NewEntry

_LABEL_WIDTH = 12


def print_rate(entry: LedgerEntry, charity: Charity | None) -> list[str]:
    """Return the lines about a rate that was set; `charity` is who gets the money now."""
    assert entry.unit_amount is not None and entry.currency is not None  # every rate has these
    price = name_money(entry.unit_amount, entry.currency)
    return [
        f"From {name_month(entry.month)} on, a hedgehog is worth {price}.",
        _row("charity", _name_charity(charity)),
        _entry_row(entry),
    ]


def print_close(closed: Closed, ledger: Ledger) -> list[str]:
    """Return the lines about a month that was closed, now or before."""
    line, close = closed.line, closed.line.close
    state = "is closed" if closed.is_new else "is closed already"
    lines = [
        f"{name_month(line.month)} {state}: {count_things(line.hedgehogs, 'hedgehog')}, "
        f"{_name_due(line)}.",
        *_opening_rows(closed.openings, is_first=ledger.first == line),
        _row("responses", format_number(line.responses)),
        *(_row("adjustment", _name_sum(each, line)) for each in sum_adjustments(line.adjustments)),
        _row("hedgehogs", format_number(line.hedgehogs)),
        _row("amount", _name_amount(line)),
        _row("charity", _name_charity(line.charity)),
    ]
    if closed.is_new:
        lines.append(_row("pending", _name_pending(closed.pending)))
    closed_at = close.recorded_at.isoformat(" ", "minutes")
    return [*lines, _row("closed", f"{closed_at} by {close.recorded_by}"), _entry_row(close)]


def print_payment(entry: LedgerEntry, line: ClosedMonth) -> list[str]:
    """Return the lines about a payment that was recorded; `line` is its month afterwards."""
    assert entry.paid_on is not None  # every payment has a day
    return [
        f"{name_month(line.month)}: {_name_money_of(entry)} paid on {name_date(entry.paid_on)}, "
        f"reference {entry.payment_reference}.",
        _row("still due", name_money(line.due, entry.currency or "")),
        _entry_row(entry),
    ]


def print_correction(entry: LedgerEntry, line: ClosedMonth, ledger: Ledger) -> list[str]:
    """Return the lines about a payment that was taken back; `line` is its month afterwards."""
    payment = next(each for each in ledger.entries if each.sequence == entry.corrected)
    assert payment.paid_on is not None  # every payment has a day
    return [
        f"{name_month(line.month)}: the payment of {_name_money_of(payment)} on "
        f"{name_date(payment.paid_on)}, reference {payment.payment_reference}, is taken back.",
        _row("reason", entry.reason or ""),
        _row("still due", name_money(line.due, entry.currency or "")),
        _entry_row(entry),
    ]


def _opening_rows(openings: Sequence[NewEntry], *, is_first: bool) -> list[str]:
    """Return a row for the months before the first close, or one for each change of them."""
    if not openings:
        return []
    if is_first:
        responses = sum(each.hedgehogs or 0 for each in openings)
        months = count_things(len(openings), "earlier month")
        counted = count_things(responses, "response")
        return [_row("opening", f"{months} with {counted}: counted, never owed")]
    return [
        _row(
            "opening",
            f"{format_signed(each.hedgehogs or 0)}  {each.month}, {name_reason(each.reason)}; "
            "never owed",
        )
        for each in openings
    ]


def _name_due(line: ClosedMonth) -> str:
    if line.amount is None:
        return "closed without an amount"
    money = name_money(line.due, line.close.currency or "")
    return f"{money} to be paid" if line.due else "nothing to be paid"


def _name_amount(line: ClosedMonth) -> str:
    if line.amount is None or line.rate is None:
        return "none: closed without an amount"
    currency = line.rate.currency
    price = name_money(line.rate.unit_amount, currency)
    return f"{name_money(line.amount, currency)}, at {price} for a hedgehog"


def _name_sum(each: AdjustmentSum, line: ClosedMonth) -> str:
    currency = line.close.currency
    price = (
        f", at {name_money(each.unit_amount, currency)}"
        if each.unit_amount is not None and currency is not None
        else ""
    )
    sign, reason = format_signed(each.hedgehogs), name_reason(each.reason)
    return f"{sign}  {each.original_month}, {reason}{price}"


def _name_pending(pending: Sequence[Change]) -> str:
    if not pending:
        return "nothing"
    hedgehogs: Counter[tuple[str, str]] = Counter()
    for each in pending:
        hedgehogs[str(each.month), each.reason] += each.hedgehogs
    listed = "; ".join(
        f"{format_signed(number)}  {month}, {name_reason(reason)}"
        for (month, reason), number in hedgehogs.items()
    )
    return f"{listed}; posted by a later close, once the month has enough hedgehogs"


def _name_charity(charity: Charity | None) -> str:
    if charity is None:
        return "none named yet; `csat donations rate … --charity NAME` names one"
    return f"{charity.name}, reference {charity.reference}" if charity.reference else charity.name


def _name_money_of(entry: LedgerEntry) -> str:
    assert entry.amount is not None and entry.currency is not None  # every payment has these
    return name_money(entry.amount, entry.currency)


def _entry_row(entry: LedgerEntry) -> str:
    return _row(f"entry {entry.sequence}", entry.hash)


def _row(label: str, text: str) -> str:
    return f"{label:<{_LABEL_WIDTH}} {text}"
