"""Shares as a page shows them: with one decimal, rounded once, from counts. Pure."""

from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import Any

from pipeline.metrics import round_exactly

Row = dict[str, Any]

_TENTH = Decimal("0.1")


def show_share(row: Row) -> Decimal | None:
    """Return the CSAT of a row of `teams`, rounded from its counts; None where it has none."""
    if row["csat_pct"] is None:
        return None
    return round_exactly(Fraction(100 * row["satisfied"], row["responses"]), 1)


def show_rounded(value: Decimal | None) -> Decimal | None:
    """Return a number of two decimals with one: for what stands in no table with its counts."""
    return None if value is None else Decimal(value).quantize(_TENTH, ROUND_HALF_EVEN)


def show_change(share: Decimal | None, previous: Decimal | None) -> Decimal | None:
    """Return the change between two shown shares: readers subtract, so it is their difference."""
    return None if share is None or previous is None else share - previous
