"""Which changes of closed months a close can post, and at what price. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from pipeline.donations.ledger import Ledger, Rate
from survey.ledger import ChangeReason
from survey.months import Month


@dataclass(frozen=True, order=True)
class Change:
    """A response that a month of the ledger has more (`hedgehogs` is 1) or less (-1) than when it
    was counted."""

    month: Month
    ticket_id: str
    hedgehogs: int
    reason: ChangeReason


@dataclass(frozen=True)
class PricedChange:
    """A change that is posted, and what its hedgehog is worth; None where nothing has a price."""

    change: Change
    unit_amount: Decimal | None


@dataclass(frozen=True)
class Posting:
    """What a close posts, in this order; what stays pending; and the exact amount of the month,
    before it is rounded, None if the month has no rate."""

    posted: tuple[PricedChange, ...]
    pending: tuple[Change, ...]
    hedgehogs: int
    amount: Decimal | None


def post_changes(
    responses: int,
    rate: Rate | None,
    changes: Sequence[Change],
    price_of: Callable[[Change], Decimal | None],
) -> Posting:
    """Decide which changes of earlier months a month posts that has these responses.

    Those that add come first, then those that take away, the oldest months first, as far as neither
    the hedgehogs nor the amount of the month falls below zero; the rest waits for the next month.
    """
    hedgehogs = responses
    amount = responses * rate.unit_amount if rate else Decimal(0)
    posted: list[PricedChange] = []
    adding = sorted(each for each in changes if each.hedgehogs > 0)
    taking = sorted(each for each in changes if each.hedgehogs < 0)
    ordered = [*adding, *taking]
    for change in ordered:
        price = price_of(change)
        after = amount + change.hedgehogs * (price or 0)
        if hedgehogs + change.hedgehogs < 0 or after < 0:
            break
        hedgehogs, amount = hedgehogs + change.hedgehogs, after
        posted.append(PricedChange(change, price))
    return Posting(
        posted=tuple(posted),
        pending=tuple(ordered[len(posted) :]),
        hedgehogs=hedgehogs,
        amount=amount if rate else None,
    )


def price_change(ledger: Ledger, change: Change, rate: Rate | None) -> Decimal | None:
    """Return what the hedgehog of a change is worth in a month that closes with this rate: the rate
    of its original month, or that of the closing month if the currency differs.

    A month that was closed without an amount owes nothing, and so do its changes. None if the
    closing month has no rate.
    """
    if rate is None:
        return None
    original = ledger.closed[change.month].rate
    if original is None:
        return Decimal(0)
    return original.unit_amount if original.currency == rate.currency else rate.unit_amount
