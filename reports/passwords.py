"""Passwords: what a good one is, its hash, and whether one that was typed is right."""

import unicodedata
from functools import cache
from threading import BoundedSemaphore

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from survey.errors import CsatError

SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 1_000

# A hash takes 64 MiB of memory and some tenths of a second; whoever sends many passwords at once
# waits, and takes no more.
MOST_AT_ONCE = 2


# The effort that its makers recommend.
HASHER = PasswordHasher()


class BadPassword(CsatError):
    """A password that cannot be used; the message says why."""


def check_password(password: str) -> str:
    """Return a new password; raise BadPassword if it is too short, too long, or of several
    lines."""
    if len(password) < SHORTEST_PASSWORD:
        raise BadPassword(f"the password has fewer than {SHORTEST_PASSWORD} characters")
    if len(password) > LONGEST_PASSWORD:
        raise BadPassword(f"the password has more than {LONGEST_PASSWORD:,} characters")
    if not password.isprintable():
        raise BadPassword("the password has a line break or another character that nobody can type")
    return password


def hash_password(password: str, hasher: PasswordHasher = HASHER) -> str:
    """Return the hash of a password."""
    return hasher.hash(_normalise(password))


class Passwords:
    """Verifies passwords, as many at once as the machine can bear."""

    def __init__(self, hasher: PasswordHasher = HASHER) -> None:
        self._hasher = hasher
        self._turns = BoundedSemaphore(MOST_AT_ONCE)
        # This is made now, so that not even the first sign-in takes longer than another.
        self._hash_of_nobody = _hash_of_nobody(hasher)

    def hash(self, password: str) -> str:
        """Return the hash of a password."""
        return hash_password(password, self._hasher)

    def verify(self, password_hash: str | None, password: str) -> bool:
        """Return whether a password is the one of a hash. It never is without a hash, which takes
        as long to find out."""
        with self._turns:
            try:
                self._hasher.verify(password_hash or self._hash_of_nobody, _normalise(password))
            except (VerificationError, InvalidHashError):
                return False
        return password_hash is not None

    def is_outdated(self, password_hash: str) -> bool:
        """Return whether a hash was made with less effort than hashes are made with now."""
        return self._hasher.check_needs_rehash(password_hash)


def _normalise(password: str) -> str:
    """Return a password as it is hashed: keyboards write `é` as one character or as two."""
    return unicodedata.normalize("NFC", password)


@cache
def _hash_of_nobody(hasher: PasswordHasher) -> str:
    """Return a hash to verify where there is none, with as much effort as others."""
    return hasher.hash("nobody has this password")
