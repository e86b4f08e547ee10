"""The error that a person can mend; every other error of ours is one of its kind. Pure."""


class CsatError(Exception):
    """Something a person can mend: the command line prints the message and exits 1."""
