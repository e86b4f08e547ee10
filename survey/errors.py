"""The base class of our errors, which a person can correct. Pure."""


class CsatError(Exception):
    """An error that a person can correct: the command line prints the message and exits 1."""
