"""The proof of an event's link trust: made by the site alone."""

import hashlib
import hmac

import pytest

from survey.link_proofs import make_proof, verify_proof
from survey.vocabulary import Trust

ANSWER = {
    "uuid": "0192f1a4-0000-7000-8000-000000000001",
    "ticket_id": "42",
    "distinct_id": "jané",
    "rating": 4,
    "trust": Trust.KNOWN,
}
SIGNED = '["0192f1a4-0000-7000-8000-000000000001","42","jané","4","known"]'
OTHERS = {
    "uuid": "0192f1a4-0000-7000-8000-000000000002",
    "ticket_id": "43",
    "distinct_id": "jane",
    "rating": 5,
    "trust": Trust.SIGNED,
}


def test_a_proof_is_a_signature_of_the_json_array():
    expected = hmac.new(b"secret", SIGNED.encode(), hashlib.sha256).hexdigest()
    assert make_proof(**ANSWER, secret="secret") == expected


def test_a_proof_verifies_under_any_of_the_secrets():
    proof = make_proof(**ANSWER, secret="old")
    assert verify_proof(proof, **ANSWER, secrets=("new", "old"))
    assert not verify_proof(proof, **ANSWER, secrets=("new",))
    assert not verify_proof(proof, **ANSWER, secrets=())


@pytest.mark.parametrize("name", OTHERS)
def test_a_proof_of_one_answer_proves_no_other(name):
    proof = make_proof(**ANSWER, secret="secret")
    assert not verify_proof(proof, **{**ANSWER, name: OTHERS[name]}, secrets=("secret",))


@pytest.mark.parametrize("proof", [None, 1, "", "ü", "\ud800", ["x"], "0" * 64])
def test_what_is_no_proof_verifies_nothing(proof):
    assert not verify_proof(proof, **ANSWER, secrets=("secret",))


def test_a_proof_in_capitals_is_none():
    proof = make_proof(**ANSWER, secret="secret").upper()
    assert not verify_proof(proof, **ANSWER, secrets=("secret",))
