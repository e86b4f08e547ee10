"""Sums over closed months: adjustments of one kind, money by currency, and what is due. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from pipeline.donations.ledger import Charity, ClosedMonth
from survey.ledger import NewEntry
from survey.months import Month


@dataclass(frozen=True)
class AdjustmentSum:
    """The adjustments that a month posted for the same original month, reason and price, those
    that add apart from those that take away."""

    month: Month
    original_month: Month
    reason: str
    unit_amount: Decimal | None
    hedgehogs: int

    @property
    def amount(self) -> Decimal | None:
        """What they change in the amount of the month, before it is rounded."""
        return None if self.unit_amount is None else self.hedgehogs * self.unit_amount


@dataclass(frozen=True)
class CurrencyTotal:
    """What closed months with amounts in one currency add up to."""

    currency: str
    responses: int
    adjusted: int
    hedgehogs: int
    amount: Decimal
    paid: Decimal
    due: Decimal


@dataclass(frozen=True)
class Due:
    """What is still to be paid to one receiver in one currency, and for which months."""

    currency: str
    charity: Charity | None
    amount: Decimal
    months: tuple[Month, ...]


def sum_adjustments(entries: Iterable[NewEntry]) -> list[AdjustmentSum]:
    """Return the sums of adjustments, in the order in which the first of each was posted."""
    sums: dict[tuple[object, ...], AdjustmentSum] = {}
    for each in entries:
        hedgehogs, original = each.hedgehogs or 0, each.original_month or each.month
        key = each.month, original, each.reason, each.unit_amount, hedgehogs > 0
        before = sums[key].hedgehogs if key in sums else 0
        sums[key] = AdjustmentSum(
            each.month, original, each.reason or "", each.unit_amount, before + hedgehogs
        )
    return list(sums.values())


def sum_currencies(months: Iterable[ClosedMonth]) -> list[CurrencyTotal]:
    """Return the totals of closed months by currency, in the order in which the currencies came.
    Months without an amount are left out."""
    by_currency: dict[str, list[ClosedMonth]] = {}
    for each in months:
        if each.rate is not None:
            by_currency.setdefault(each.rate.currency, []).append(each)
    return [_sum_currency(currency, each) for currency, each in by_currency.items()]


def sum_dues(months: Iterable[ClosedMonth]) -> list[Due]:
    """Return what is still to be paid for closed months, by currency and receiver, in the order in
    which these came."""
    found: dict[tuple[str, Charity | None], list[ClosedMonth]] = {}
    for each in months:
        if each.due and each.rate is not None:
            found.setdefault((each.rate.currency, each.charity), []).append(each)
    return [
        Due(
            currency=currency,
            charity=charity,
            amount=sum((each.due for each in some), Decimal(0)),
            months=tuple(each.month for each in some),
        )
        for (currency, charity), some in found.items()
    ]


def _sum_currency(currency: str, months: Sequence[ClosedMonth]) -> CurrencyTotal:
    return CurrencyTotal(
        currency=currency,
        responses=sum(each.responses for each in months),
        adjusted=sum(each.adjusted for each in months),
        hedgehogs=sum(each.hedgehogs for each in months),
        amount=sum((each.amount or Decimal(0) for each in months), Decimal(0)),
        paid=sum((each.paid for each in months), Decimal(0)),
        due=sum((each.due for each in months), Decimal(0)),
    )
