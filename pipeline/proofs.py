"""The proofs of link trust in frames, and what they show.

An event claims a trust: `trust` is then below 0 (`schemas.ANSWERS`), and `proof` has 64 bits of
what it brings as a proof. `survey/link_proofs.py` holds the same rule for one answer; a
property-based test keeps them equal. To verify all claims would take as long as all else, so that
only those are verified that decide over something.
"""

from collections.abc import Iterable, Sequence
from typing import TypeGuard

import numpy as np
import pandas as pd

from pipeline.answers import ticket_ids, uuid_texts
from pipeline.partitions import SPREAD, Array
from pipeline.schemas import NO_TICKET
from survey.counting_rules import CountingRules
from survey.link_proofs import make_proof
from survey.vocabulary import TRUST_ORDER, Trust

NO_PROOF = 0
# What of an answer is needed to judge its trust.
OF_PROOFS = [
    *("uuid_high", "uuid_low", "uuid_text", "ticket", "ticket_text"),
    *("person", "rating", "trust", "proof"),
]

DIGITS = 64
_WORDS = 4
_LOWER_CASE = frozenset("0123456789abcdef")
# What `join_words` makes NO_PROOF of.
_NOTHING = "0" * DIGITS


def claim_trust(trust: Trust) -> int:
    """Return the trust that an event claims as the frames hold it, before it is judged."""
    return -TRUST_ORDER.index(trust)


def read_proofs(values: Iterable[object]) -> Array:
    """Return 64 bits of the proof that each event brings; NO_PROOF for what cannot be a proof."""
    proofs = (value if _is_well_formed(value) else _NOTHING for value in values)
    return join_words(_split("".join(proofs)))


def _is_well_formed(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and len(value) == DIGITS and _LOWER_CASE.issuperset(value)


def join_words(words: Array) -> Array:
    """Return 64 bits of each proof, from the four words of each. They depend on the place of each
    word, and who does not know a secret guesses one in 2^64."""
    joined = np.zeros(len(words), np.uint64)
    for place in range(_WORDS):
        joined = joined * SPREAD + words[:, place]
    return joined


def _split(proofs: str) -> Array:
    """Return the four words of each of some proofs, which stand one behind the other."""
    words = np.frombuffer(bytes.fromhex(proofs), ">u8").astype(np.uint64)
    return words.reshape(-1, _WORDS)


def judge_trust(answers: pd.DataFrame, rules: CountingRules) -> pd.Series:
    """Return the trust of each answer as an index of TRUST_ORDER: what it claims, if its proof
    verifies under one of the secrets, or if there is no secret. `answers` have at least the columns
    `OF_PROOFS`."""
    trust: pd.Series = answers["trust"].abs()
    if not rules.secrets:
        return trust
    is_claim = (answers["trust"] < 0).to_numpy()
    can_verify = (
        is_claim
        & (answers["proof"] != NO_PROOF).to_numpy()
        & (answers["ticket"] != NO_TICKET).to_numpy()
        & (answers["rating"] != 0).to_numpy()
    )
    is_proven = np.zeros(len(answers), bool)
    is_proven[can_verify] = _verify(answers.loc[can_verify, OF_PROOFS], rules.secrets)
    return trust.where(is_proven | ~is_claim, TRUST_ORDER.index(Trust.UNVERIFIED))


def _verify(claims: pd.DataFrame, secrets: Sequence[str]) -> Array:
    """Return which of these claims have a proof that verifies under one of the secrets."""
    given = claims["proof"].to_numpy()
    is_proven = np.zeros(len(claims), bool)
    if claims.empty:
        return is_proven
    rows = list(
        zip(
            uuid_texts(claims),
            ticket_ids(claims),
            claims["person"],
            claims["rating"].tolist(),
            (TRUST_ORDER[rank] for rank in claims["trust"].abs().tolist()),
            strict=True,
        )
    )
    for secret in secrets:
        proofs = "".join(
            make_proof(
                uuid=uuid,
                ticket_id=ticket_id,
                distinct_id=person,
                rating=rating,
                trust=trust,
                secret=secret,
            )
            for uuid, ticket_id, person, rating, trust in rows
        )
        is_proven |= join_words(_split(proofs)) == given
    return is_proven
