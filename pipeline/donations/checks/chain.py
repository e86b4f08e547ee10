"""Checks that no entry was changed, removed or put in between: the chain of hashes. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.donations.checks.difference import LedgerDiffers, name_entry
from survey.ledger import NO_HASH, hash_values


def check_chain(rows: Sequence[Mapping[str, Any]]) -> None:
    """Check the columns of all entries, exactly as they are stored, in their order. Raise
    LedgerDiffers."""
    last_hash = NO_HASH
    for expected, row in enumerate(rows, start=1):
        if row["sequence"] != expected:
            raise LedgerDiffers(_explain_gap(expected, row))
        if row["hash"] != hash_values(row):
            raise LedgerDiffers(f"{name_entry(row)} was changed: its hash does not match")
        if row["previous_hash"] != last_hash:
            before = f"entry {expected - 1}" if expected > 1 else "none"
            raise LedgerDiffers(
                f"{name_entry(row)} names another entry before it than {before}: entries were "
                "changed, removed or put in"
            )
        last_hash = row["hash"]


def _explain_gap(expected: int, row: Mapping[str, Any]) -> str:
    if expected == 1:
        return f"entry 1 is missing: the ledger begins with {name_entry(row)}"
    return f"entry {expected} is missing: after entry {expected - 1} comes {name_entry(row)}"
