"""Checks that no entry was changed, removed or put in between: the chain of hashes. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.donations.checks.difference import LedgerDiffers
from survey.ledger_chain import explain_broken_chain


def check_chain(rows: Sequence[Mapping[str, Any]]) -> None:
    """Check the columns of all entries, exactly as they are stored, in their order. Raise
    LedgerDiffers."""
    difference = explain_broken_chain(rows)
    if difference is not None:
        raise LedgerDiffers(difference)
