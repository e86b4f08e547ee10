"""Amounts of money: how they are written, and the one place that rounds them. Pure."""

import re
from decimal import ROUND_HALF_EVEN, Decimal

from babel.numbers import get_currency_precision
from iso4217 import Currency

# As long as what is due for a month can be, and no longer than the ledger checks.
_AMOUNT_TEXT = re.compile(r"\d{1,18}(\.\d{1,6})?", re.ASCII)
# A higher price would make amounts that are longer than that.
_MOST_FOR_ONE = Decimal(10) ** 9


def parse_amount(text: str) -> Decimal:
    """Return the amount that a text writes, as `0.50`. Raise ValueError for anything else, and for
    more than 6 decimals."""
    if not _AMOUNT_TEXT.fullmatch(text.strip()):
        raise ValueError(f"{text!r} is not an amount; write it like 0.50, with at most 6 decimals")
    return Decimal(text.strip())


def parse_unit_amount(text: str) -> Decimal:
    """Return what one hedgehog is worth, as a text writes it. Raise ValueError for what is no
    amount, and for a billion or more."""
    amount = parse_amount(text)
    if amount >= _MOST_FOR_ONE:
        raise ValueError(f"{text.strip()} is too much for one hedgehog")
    return amount


def parse_currency(text: str) -> str:
    """Return the code of the currency that a text names. Raise ValueError for one that ISO 4217
    does not list, and for one without a minor unit, as gold."""
    try:
        currency = Currency(text.strip().upper())
    except ValueError:
        raise ValueError(
            f"{text!r} is not a currency; write its code of ISO 4217, as GBP or EUR"
        ) from None
    if currency.exponent is None:
        raise ValueError(f"{text!r} is not a currency that money is paid in")
    return str(currency.code)


def round_amount(amount: Decimal, currency: str) -> Decimal:
    """Return an amount rounded half to even to the minor unit of its currency (ISO 4217): pennies,
    whole yen, or thousandths of a dinar."""
    return amount.quantize(Decimal(1).scaleb(-_decimals_of(currency)), ROUND_HALF_EVEN)


def count_decimals(amount: Decimal) -> int:
    """Return how many decimals a finite amount is written with."""
    return -int(amount.as_tuple().exponent)


def _decimals_of(currency: str) -> int:
    try:
        return Currency(currency).exponent or 0
    except ValueError:
        # ISO 4217 has dropped the currency since a month was closed in it. Unicode never does.
        return get_currency_precision(currency)
