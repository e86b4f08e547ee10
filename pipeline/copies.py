"""Copies of one event: exports that overlap hold it twice, and one of them counts."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pyarrow as pa

from pipeline.column_rules import encode, split_by_company
from pipeline.parts import SPREAD, Array, map_parts, places

# For answers (by their places) that are copies of each other, of the same time, and differ: their
# properties and persons as texts, the greatest of which counts.
Weigh = Callable[[list[int]], Sequence[tuple[str, str]]]


def find_copies(
    uuid_high: Array,
    uuid_low: Array,
    answered_at: Array,
    others: Iterable[pa.ChunkedArray],
    weigh: Weigh,
) -> Array:
    """True for every copy of a uuid but the earliest; of equal times the greatest by `weigh`.

    `others` are all further columns that matter. Where they are equal, too, nothing is weighed:
    whichever copy counts, no number differs.
    """
    is_copy = np.zeros(len(uuid_high), bool)
    everyone = places(len(uuid_high))
    columns = list(others)

    def find(rows: Array) -> list[list[int]]:
        return _find_among(rows, uuid_high, uuid_low, answered_at, columns, is_copy)

    rivals = [group for part in map_parts(uuid_low, everyone, find) for group in part]
    _decide_rivals(is_copy, rivals, weigh)
    return is_copy


def _find_among(
    rows: Array,
    uuid_high: Array,
    uuid_low: Array,
    answered_at: Array,
    others: Sequence[pa.ChunkedArray],
    is_copy: Array,
) -> list[list[int]]:
    """Mark the copies among these rows; gives the groups that differ and are to be weighed."""
    # Equal sums are rare: only there whole uuids are compared.
    _, several = split_by_company(uuid_high[rows] * SPREAD + uuid_low[rows])
    if not len(several):
        return []
    rows = rows[several]
    high, low, at = uuid_high[rows], uuid_low[rows], answered_at[rows]
    order = np.lexsort((at, low, high))
    rows, high, low, at = rows[order], high[order], low[order], at[order]
    is_like_last = np.append(False, (high[1:] == high[:-1]) & (low[1:] == low[:-1]))
    is_copy[rows[is_like_last]] = True

    begins = np.flatnonzero(~is_like_last)
    lengths = np.diff(np.append(begins, len(rows)))
    is_earliest = at == np.repeat(at[begins], lengths)
    differs = np.zeros(len(rows), bool)
    for column in others:
        values = encode(column, rows)
        differs[1:] |= values[1:] != values[:-1]
    differs &= is_like_last & is_earliest
    groups = np.unique(np.searchsorted(begins, np.flatnonzero(differs), side="right") - 1)
    return [
        rows[begin : begin + length][is_earliest[begin : begin + length]].tolist()
        for begin, length in zip(begins[groups], lengths[groups], strict=True)
    ]


def _decide_rivals(is_copy: Array, rivals: Sequence[list[int]], weigh: Weigh) -> None:
    """Let the greatest of each group count, and no other."""
    everyone = [row for group in rivals for row in group]
    weights = dict(zip(everyone, weigh(everyone) if everyone else (), strict=True))
    for group in rivals:
        is_copy[group] = True
        is_copy[max(group, key=lambda row: (weights[row], row))] = False
