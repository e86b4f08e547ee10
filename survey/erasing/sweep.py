"""Goes through the store, and erases what is to be erased, a few rows in each transaction."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from time import monotonic, sleep
from typing import Any

from sqlalchemy import Connection

from survey.erasing.step import Work
from survey.erasing.steps import STEPS
from survey.erasing.target import Kind, Target
from survey.store.database import Database

# Rows to a transaction. Customers wait for their turn to write for some hundredths of a second.
ROWS_AT_ONCE = 200
# Those who wait for their turn get it in a pause: the next transaction would often be faster.
PAUSE_SECONDS = 0.02
# What comes while an erasure runs, with an earlier time, is found by the next pass.
MOST_PASSES = 5

# Records what was erased, in the transaction that erases it.
Record = Callable[[Connection, Counter[Kind]], None]


def record_nothing(_connection: Connection, _counts: Counter[Kind]) -> None:
    """Record nothing."""


def sweep(
    work: Work,
    *,
    record: Record = record_nothing,
    on_progress: Callable[[int], object] = lambda _rows: None,
    ends_at: float | None = None,
) -> Counter[Kind] | None:
    """Erase all that the target is about; return how many rows of each kind were erased. If there
    is a time at which this ends (`ends_at`, by `monotonic`), and it is over, return None: what is
    left is erased by the next sweep.

    Broken off at any point, it goes on when it is called again: each transaction happens wholly or
    not at all, and what is erased is not found again. `on_progress` is told how many rows were
    looked at.
    """
    total: Counter[Kind] = Counter()
    looked_at = 0
    for _ in range(MOST_PASSES):
        erased: Counter[Kind] = Counter()
        for step in STEPS:
            with work.database.reading() as connection:
                keys = step.find(connection, work.target)
            for some in _batches(keys):
                if ends_at is not None and monotonic() > ends_at:
                    return None
                with work.database.writing() as connection:
                    # Two erasures never change the same rows, and no import sees half of one.
                    work.database.lock_imports(connection)
                    changed = +step.erase(connection, some, work)
                    if changed:
                        record(connection, changed)
                erased += changed
                sleep(PAUSE_SECONDS)
                looked_at += len(some)
                on_progress(looked_at)
        total += erased
        if not erased:
            break
    return total


def count(database: Database, target: Target) -> Counter[Kind]:
    """Return how many rows of each kind are to be erased; change nothing."""
    counts: Counter[Kind] = Counter()
    for step in STEPS:
        with database.reading() as connection:
            for some in _batches(step.find(connection, target)):
                counts[step.kind] += step.count(connection, some, target)
    return +counts


def _batches(keys: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for begin in range(0, len(keys), ROWS_AT_ONCE):
        yield keys[begin : begin + ROWS_AT_ONCE]
