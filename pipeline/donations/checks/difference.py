"""The error that a check raises. Pure."""

from survey.errors import CsatError


class LedgerDiffers(CsatError):
    """The error that the ledger is not what it must be, or not what something else says; the
    message names the first difference."""

    def __init__(self, message: str) -> None:
        # Whoever changed an entry may have written what a terminal obeys.
        super().__init__("".join(each if each.isprintable() else "?" for each in message))
