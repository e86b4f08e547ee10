"""The proof that the site gave an event its link trust. Pure.

Anybody can send events with the project key, so the word of an event proves nothing. An event of
the site carries a signature over what its trust decides (docs/rules.md).
"""

import hashlib
import hmac
import json
from collections.abc import Sequence
from typing import Any

from survey.vocabulary import Trust


def make_proof(
    *, uuid: str, ticket_id: str, distinct_id: str, rating: int, trust: Trust, secret: str
) -> str:
    """Return the proof of an answer's trust: lower-case hex HMAC-SHA256 over the JSON array of
    uuid, ticket, distinct_id, rating and trust, all as texts."""
    values = [uuid, ticket_id, distinct_id, str(rating), trust.value]
    signed = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    return hmac.new(secret.encode(), signed.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def verify_proof(
    proof: object,
    *,
    uuid: str,
    ticket_id: str,
    distinct_id: str,
    rating: int,
    trust: Trust,
    secrets: Sequence[str],
) -> bool:
    """Return whether a proof is that of this answer, under any of the secrets."""
    if not isinstance(proof, str):
        return False
    given = proof.encode("utf-8", "replace")
    values: dict[str, Any] = {
        "uuid": uuid,
        "ticket_id": ticket_id,
        "distinct_id": distinct_id,
        "rating": rating,
        "trust": trust,
    }
    # All are compared, so that the time does not tell which one matched.
    matches = [
        hmac.compare_digest(make_proof(**values, secret=secret).encode(), given)
        for secret in secrets
    ]
    return any(matches)
