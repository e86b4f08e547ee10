"""What finance's page shows of the donation ledger."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby

from pipeline.donations.ledger import Charity, ClosedMonth, Ledger, Status
from pipeline.donations.lines import Line
from pipeline.donations.posting import Change
from pipeline.donations.summing import sum_dues
from reports.donation_wording import name_money, name_month, name_months, name_reason, name_status
from reports.wording import count_things, format_number
from survey.ledger import LedgerEntry
from survey.months import Month


@dataclass(frozen=True)
class ShownPayment:
    """A payment that no correction has taken back."""

    paid_on: date
    amount: str
    reference: str


@dataclass(frozen=True)
class ShownMonth:
    """A month with what has become of it. `due` is what is still to be paid, None if nothing is."""

    month: Month
    status: Status
    status_words: str
    responses: int
    adjustments: int
    hedgehogs: int
    amount: str | None
    due: str | None
    charity: str | None
    payments: tuple[ShownPayment, ...]

    @property
    def name(self) -> str:
        """The month in words."""
        return name_month(self.month)

    @property
    def is_settled(self) -> bool:
        """Whether the month is closed and nothing is left to be paid."""
        return self.due is None and self.status in (Status.CLOSED, Status.PAID)

    @property
    def words(self) -> str:
        """What the month says in a chart: `October 2026: 412 hedgehogs, paid`."""
        return f"{self.name}: {count_things(self.hedgehogs, 'hedgehog')}, {self.status_words}"


@dataclass(frozen=True)
class ShownDue:
    """What is due now in one currency, to whom, and for which months."""

    currency: str
    amount: str
    charity: Charity | None
    months: str


@dataclass(frozen=True)
class ShownRate:
    """What a hedgehog is worth from a month on. `state` says in words whether it is in force."""

    first: str
    price: str
    charity: Charity | None
    recorded_at: datetime
    recorded_by: str
    state: str
    is_in_force: bool


@dataclass(frozen=True)
class ShownChanges:
    """Changes of one month for one reason: how many responses more, or how many less."""

    month: Month
    reason: str
    more: int
    less: int

    @property
    def name(self) -> str:
        """The changed month in words."""
        return name_month(self.month)

    @property
    def net(self) -> int:
        """The hedgehogs that the month gets or loses."""
        return self.more - self.less


def show_months(ledger: Ledger, lines: Sequence[Line]) -> list[ShownMonth]:
    """Return the months of the donation export as the page shows them, newest first."""
    return [show_month(ledger, line) for line in reversed(lines)]


def show_month(ledger: Ledger, line: Line) -> ShownMonth:
    """Return one month of the donation export as the page shows it."""
    month, status = Month.parse(line["month"]), Status(line["status"])
    closed = ledger.closed.get(month)
    return ShownMonth(
        month=month,
        status=status,
        status_words=name_status(status, closed),
        responses=line["responses"],
        adjustments=line["adjustments"],
        hedgehogs=line["hedgehogs"],
        amount=_name_amount(closed, closed.amount) if closed else None,
        due=_name_amount(closed, closed.due) if closed and closed.due else None,
        charity=line.get("charity"),
        payments=tuple(map(show_payment, closed.payments)) if closed else (),
    )


def show_due(ledger: Ledger) -> list[ShownDue]:
    """Return what is due now, for each currency and receiver, the oldest month first."""
    return [
        ShownDue(each.currency, format_number(each.amount), each.charity, name_months(each.months))
        for each in sum_dues(ledger.closed.values())
    ]


def show_paid(ledger: Ledger, year: int) -> list[str]:
    """Return what was paid in a year, for each currency."""
    paid: dict[str, Decimal] = {}
    for closed in ledger.closed.values():
        for payment in closed.payments:
            if payment.currency and payment.paid_on and payment.paid_on.year == year:
                amount = payment.amount or Decimal(0)
                paid[payment.currency] = paid.get(payment.currency, Decimal(0)) + amount
    return [name_money(amount, currency) for currency, amount in sorted(paid.items())]


def show_rates(ledger: Ledger, current: Month) -> list[ShownRate]:
    """Return all rates, the one that begins last first. `current` is the month of now."""
    in_force = ledger.rate_entry_of(current)
    ordered = sorted(ledger.rates, key=lambda each: (each.month, each.sequence), reverse=True)
    shown = []
    for _, entries in groupby(ordered, key=lambda each: each.month):
        for place, entry in enumerate(entries):
            if place:
                state = "replaced"
            elif entry == in_force:
                state = "in force"
            else:
                state = "to come" if entry.month > current else "earlier"
            shown.append(_show_rate(entry, state))
    return shown


def show_changes(changes: Iterable[Change]) -> list[ShownChanges]:
    """Return changes counted by month and reason, the oldest month first."""
    return _count_changes((each.month, each.reason, each.hedgehogs) for each in changes)


def show_payment(entry: LedgerEntry) -> ShownPayment:
    """Return a payment as pages show it."""
    assert entry.paid_on and entry.amount is not None and entry.currency  # every payment has these
    return ShownPayment(
        entry.paid_on, name_money(entry.amount, entry.currency), entry.payment_reference or ""
    )


def _count_changes(changes: Iterable[tuple[Month, str, int]]) -> list[ShownChanges]:
    more: Counter[tuple[Month, str]] = Counter()
    less: Counter[tuple[Month, str]] = Counter()
    for month, reason, hedgehogs in changes:
        (more if hedgehogs > 0 else less)[(month, reason)] += abs(hedgehogs)
    return [
        ShownChanges(month, name_reason(reason), more[(month, reason)], less[(month, reason)])
        for month, reason in sorted({*more, *less})
    ]


def _show_rate(entry: LedgerEntry, state: str) -> ShownRate:
    assert entry.unit_amount is not None and entry.currency  # every rate has these
    return ShownRate(
        first=name_month(entry.month),
        price=name_money(entry.unit_amount, entry.currency),
        charity=Charity.of(entry),
        recorded_at=entry.recorded_at,
        recorded_by=entry.recorded_by,
        state=state,
        is_in_force=state == "in force",
    )


def _name_amount(closed: ClosedMonth, amount: Decimal | None) -> str | None:
    currency = closed.close.currency
    return None if amount is None or currency is None else name_money(amount, currency)
