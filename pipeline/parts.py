"""Work on rows that belong together by a key, on all cores: the parts share no key."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Result = TypeVar("Result")

# Fewer are done before a second thread has begun; more take too much memory.
_FEW_ROWS = 100_000
_MANY_ROWS = 1_000_000
# A multiplier without pattern, after Fibonacci hashing (Knuth).
SPREAD = np.uint64(0x9E3779B97F4A7C15)


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0))


def places(rows: int) -> Array:
    """The numbers of so many rows, in half of the memory where that is enough."""
    return np.arange(rows, dtype=np.int32 if rows < 2**31 else np.int64)


def number_parts(keys: Array, parts: int) -> Array:
    """The part of each key, from 0 to below `parts`; equal keys (integers) have the same part."""
    found = np.empty(len(keys), np.uint8 if parts <= 256 else np.uint32)
    # Some at a time: what lies between takes four times the memory of the keys.
    for begin in range(0, len(keys), _MANY_ROWS):
        some = slice(begin, begin + _MANY_ROWS)
        spread = keys[some].astype(np.uint64) * SPREAD >> np.uint64(32)
        found[some] = spread % np.uint64(parts)
    return found


def map_parts(keys: Array, rows: Array, function: Callable[[Array], Result]) -> list[Result]:
    """What the function makes of each part of the rows, which have these keys (integers)."""
    parts = max(cores(), len(rows) // _MANY_ROWS) if len(rows) >= _FEW_ROWS else 1
    if parts == 1:
        return [function(rows)]
    number = number_parts(keys, parts)
    with ThreadPoolExecutor(cores()) as pool:
        return list(pool.map(lambda part: function(rows[number == part]), range(parts)))
