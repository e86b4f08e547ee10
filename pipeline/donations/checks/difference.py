"""The error that a check raises, and what it calls an entry. Pure."""

from collections.abc import Mapping
from typing import Any

from survey.errors import CsatError


class LedgerDiffers(CsatError):
    """The error that the ledger is not what it must be, or not what something else says; the
    message names the first difference."""

    def __init__(self, message: str) -> None:
        # Whoever changed an entry may have written what a terminal obeys.
        super().__init__("".join(each if each.isprintable() else "?" for each in message))


def name_entry(values: Mapping[str, Any]) -> str:
    """Return the name of the entry with these values: `entry 17 (close of 2026-03)`."""
    return f"entry {values['sequence']} ({values['kind']} of {values['month']})"
