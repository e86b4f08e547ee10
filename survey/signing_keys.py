"""Keys for one purpose alone, derived from the site's secrets. Pure."""

import hmac
from collections.abc import Sequence


def derive_key(secret_key: str, purpose: str) -> bytes:
    """Return the key that a secret gives for a purpose. From it nobody can tell the secret, or the
    key for another purpose."""
    return hmac.digest(secret_key.encode(), purpose.encode(), "sha256")


def derive_keys(secret_keys: Sequence[str], purpose: str) -> list[bytes]:
    """Return the keys for a purpose as itsdangerous takes them: it signs with the last one, and
    verifies under all of them. `secret_keys` are those of the settings, whose first one signs."""
    return [derive_key(secret_key, purpose) for secret_key in reversed(secret_keys)]
