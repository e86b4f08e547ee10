"""Work on parts of a frame, on all cores: rows that belong together by a key are in one part."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

Array = npt.NDArray[Any]
Result = TypeVar("Result")

# A multiplier without pattern, after Fibonacci hashing (Knuth).
SPREAD = np.uint64(0x9E3779B97F4A7C15)
# Fewer are done before a second thread has begun; more take too much memory.
_FEW_ROWS = 100_000
_MANY_ROWS = 750_000


def count_cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


def map_partitions(
    frame: pd.DataFrame, keys: Array, function: Callable[[pd.DataFrame], Result]
) -> list[Result]:
    """Call the function with each part of a frame; return the results. `keys` has a number for each
    row, and rows with equal numbers are in one part."""
    parts = max(count_cores(), len(frame) // _MANY_ROWS) if len(frame) >= _FEW_ROWS else 1
    if parts == 1:
        return [function(frame)]
    part_of = _number_parts(keys, parts)
    with ThreadPoolExecutor(count_cores()) as pool:
        return list(pool.map(lambda part: function(frame[part_of == part]), range(parts)))


def _number_parts(keys: Array, parts: int) -> Array:
    """Return the part of each key, from 0 to below `parts`; equal keys have the same part."""
    found = np.empty(len(keys), np.uint16)
    # Some at a time: what lies between takes four times the memory of the keys.
    for begin in range(0, len(keys), _MANY_ROWS):
        some = slice(begin, begin + _MANY_ROWS)
        found[some] = (keys[some] * SPREAD >> np.uint64(32)) % np.uint64(parts)
    return found
