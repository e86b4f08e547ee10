"""Rounding of numbers that must add up to a sum that is shown beside them. Pure."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction


def round_to_sum(values: Sequence[Fraction], total: Decimal, decimals: int) -> list[Decimal]:
    """Return the values rounded by the largest remainder method, so that they add up to `total`.

    Each value is rounded down; the units of the last decimal that are then missing go to the values
    with the largest remainders, of equal remainders to the first. A result is within one unit of
    its value as long as `total` is within one unit of the sum of the values.

    Raises ValueError if `total` has more decimals, or if there are no values to make it up.
    """
    scaled = [value * 10**decimals for value in values]
    target = Fraction(total) * 10**decimals
    if target.denominator != 1:
        raise ValueError(f"{total} has more than {decimals} decimals")
    floors = [value.numerator // value.denominator for value in scaled]
    missing = int(target) - sum(floors)
    if not values:
        if missing:
            raise ValueError(f"no values add up to {total}")
        return []
    # More or fewer units than there are values are missing only if `total` is far from the sum.
    for_each, left = divmod(missing, len(values))
    by_remainder = sorted(range(len(values)), key=lambda index: floors[index] - scaled[index])
    favoured = set(by_remainder[:left])
    return [
        Decimal(floor + for_each + (index in favoured)).scaleb(-decimals)
        for index, floor in enumerate(floors)
    ]
