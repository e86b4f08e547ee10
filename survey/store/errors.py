"""What can go wrong with the store, in words that hold nothing of what customers wrote."""

from survey.errors import CsatError


class StoreError(CsatError):
    """The database cannot be used; the message says what to do."""


class RefusedData(StoreError):
    """The database works, but takes this transaction's data never."""
