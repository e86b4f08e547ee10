"""The token of a link that unsubscribes: the keyed hash of a customer, signed. Pure."""

import hashlib
from collections.abc import Sequence

from itsdangerous import BadSignature, Signer

from survey.signing_keys import derive_keys


def issue_token(customer: str, secret_key: str) -> str:
    """Return the token with which a customer unsubscribes."""
    return _signer([secret_key]).sign(customer).decode()


def read_token(token: str, secret_keys: Sequence[str]) -> str | None:
    """Return the customer of a token; None if it was signed with none of our secrets."""
    try:
        return _signer(secret_keys).unsign(token).decode()
    except BadSignature:
        return None


def unsubscribe_link(base_url: str, customer: str, secret_key: str, language_tag: str) -> str:
    """Return the address at which a customer unsubscribes, whose page is in a language."""
    token = issue_token(customer, secret_key)
    return f"{base_url}/unsubscribe?token={token}&lang={language_tag}"


def _signer(secret_keys: Sequence[str]) -> Signer:
    keys = derive_keys(secret_keys, "unsubscribe")
    return Signer(keys, key_derivation="none", digest_method=hashlib.sha256)
