"""The errors of the store. Their messages contain nothing that customers wrote."""

from survey.errors import CsatError


class StoreError(CsatError):
    """The database cannot be used; the message says what to do."""


class RefusedData(StoreError):
    """The database works, but will never accept the data of this transaction."""
