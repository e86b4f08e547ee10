"""Finds an entry of the donation ledger that was changed, removed or put in between: the chain of
hashes tells. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from survey.ledger import NO_HASH, hash_values


def explain_broken_chain(rows: Sequence[Mapping[str, Any]]) -> str | None:
    """Return what is wrong with the columns of all entries, given exactly as they are stored and in
    their order; None if each entry is chained to the one before it."""
    last_hash = NO_HASH
    for expected, row in enumerate(rows, start=1):
        if row["sequence"] != expected:
            return _explain_gap(expected, row)
        if row["hash"] != hash_values(row):
            return f"{name_entry(row)} was changed: its hash does not match"
        if row["previous_hash"] != last_hash:
            before = f"entry {expected - 1}" if expected > 1 else "none"
            return (
                f"{name_entry(row)} names another entry before it than {before}: entries were "
                "changed, removed or put in"
            )
        last_hash = row["hash"]
    return None


def _explain_gap(expected: int, row: Mapping[str, Any]) -> str:
    if expected == 1:
        return f"entry 1 is missing: the ledger begins with {name_entry(row)}"
    return f"entry {expected} is missing: after entry {expected - 1} comes {name_entry(row)}"


def name_entry(values: Mapping[str, Any]) -> str:
    """Return the name of the entry with these values: `entry 17 (close of 2026-03)`."""
    return f"entry {values['sequence']} ({values['kind']} of {values['month']})"
