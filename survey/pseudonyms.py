"""Pseudonyms: what stands for a person whose identity was erased. Pure.

A pseudonym is a keyed hash of the distinct_id: who has the secret and the distinct_id finds the
same pseudonym again, and nobody else can find the distinct_id. So counting does not change when a
person is erased: the pseudonym and the distinct_id that it was made of are one person.
"""

import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence

from survey.signing_keys import derive_key

# What every pseudonym begins with.
PREFIX = "erased:"
_DIGITS = 32


def make_pseudonym(distinct_id: str, secret: str) -> str:
    """Return the pseudonym of a person: `erased:` and 32 hex digits of an HMAC-SHA256 of the
    distinct_id. A pseudonym stays as it is."""
    if is_pseudonym(distinct_id):
        return distinct_id
    key = derive_key(secret, "pseudonym")
    digest = hmac.new(key, distinct_id.encode("utf-8", "replace"), hashlib.sha256)
    return f"{PREFIX}{digest.hexdigest()[:_DIGITS]}"


def is_pseudonym(distinct_id: str) -> bool:
    """Return whether a distinct_id is a pseudonym."""
    return distinct_id.startswith(PREFIX)


def key_id(secret: str) -> str:
    """Return the name of a secret, by which it is found again and from which nobody can tell it."""
    return derive_key(secret, "name of this secret").hex()[:_DIGITS]


def unify_persons(distinct_ids: Iterable[str], secrets: Sequence[str]) -> Mapping[str, str]:
    """Return who each of these distinct_ids is, where some are pseudonyms of others: the pseudonym
    for both. `secrets` are those under which pseudonyms may have been made."""
    given = list(distinct_ids)
    pseudonyms = {each for each in given if is_pseudonym(each)}
    persons = {each: each for each in given}
    if not pseudonyms:
        return persons
    for each in persons.keys() - pseudonyms:
        # Two secrets make two pseudonyms of one person.
        own = [name for name in pseudonyms_of(each, secrets) if name in pseudonyms]
        if own:
            persons |= dict.fromkeys((each, *own), own[0])
    return persons


def pseudonyms_of(distinct_id: str, secrets: Sequence[str]) -> list[str]:
    """Return the pseudonyms that a person has under each of the secrets."""
    return [make_pseudonym(distinct_id, secret) for secret in secrets]


def is_same_person(one: str, other: str, secrets: Sequence[str]) -> bool:
    """Return whether two distinct_ids are one person: they are equal, or one is a pseudonym of the
    other."""
    persons = unify_persons((one, other), secrets)
    return persons[one] == persons[other]
