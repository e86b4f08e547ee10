"""The proof that the site gave an event its link trust. Pure.

Anybody can send events with the project key, so the word of an event proves nothing. An event of
the site carries a signature over what its trust decides (docs/rules.md).
"""

import hmac
import json
from collections.abc import Sequence
from typing import Any

from survey.rules import Answer
from survey.vocabulary import Trust

# Made once: making one takes longer than writing the array.
_write_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


def make_proof(
    *, uuid: str, ticket_id: str, distinct_id: str, rating: int, trust: Trust, secret: str
) -> str:
    """Return the proof of an answer's trust: lower-case hex HMAC-SHA256 over the JSON array of
    uuid, ticket, distinct_id, rating and trust, all as texts."""
    values = [uuid, ticket_id, distinct_id, str(rating), trust.value]
    signed = _write_json(values).encode("utf-8", "replace")
    return hmac.digest(secret.encode(), signed, "sha256").hex()


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


def judge_trust(answer: Answer, proof: object, secrets: Sequence[str]) -> Trust:
    """Return how far the link of an event's answer is trusted: as the event says, if its proof
    verifies under one of the secrets, or if there is no secret; `unverified` otherwise."""
    if answer.trust is Trust.UNVERIFIED or not secrets:
        return answer.trust
    if answer.ticket_id is None or answer.rating is None:
        return Trust.UNVERIFIED
    is_proven = verify_proof(
        proof,
        uuid=answer.uuid,
        ticket_id=answer.ticket_id,
        distinct_id=answer.distinct_id,
        rating=answer.rating,
        trust=answer.trust,
        secrets=secrets,
    )
    return answer.trust if is_proven else Trust.UNVERIFIED
