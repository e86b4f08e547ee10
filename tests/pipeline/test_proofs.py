"""Proofs in columns: what a frame keeps of them, and what it takes to verify them."""

import pytest

from pipeline.events import EventList
from pipeline.proofs import DIGITS, NO_PROOF, judge_trust, read_proofs
from survey.counting_rules import CountingRules
from survey.link_proofs import make_proof
from survey.vocabulary import TRUST_ORDER, Trust
from tests.support.events import as_raw, make_event
from tests.support.settings import make_settings

OLD, NEW = "the old secret of a site", "the new secret of a site"
UUID = "0192f1a4-6d2e-7c3b-9a58-c5a70000c5a7"
PROOF = "0123456789abcdef" * 3 + "fedcba9876543210"


def judged(*events, secrets=(NEW, OLD)):
    rules = CountingRules.of(make_settings(secret_key=",".join(secrets) or ()))
    answers = EventList([as_raw(event) for event in events], rules).frame()
    return [TRUST_ORDER[rank] for rank in judge_trust(answers, rules)]


def prove(secret, **given):
    """An event of the site's, with its proof; what is given is changed behind the site's back."""
    of_site = {
        **{"uuid": UUID, "ticket_id": "42", "distinct_id": "jane"},
        **{"rating": 4, "trust": Trust.SIGNED},
    }
    proof = make_proof(**of_site, secret=secret)
    changed = {"link_trust": "signed", "link_proof": proof, **given}
    return make_event(changed.pop("uuid", UUID), **changed)


@pytest.mark.parametrize("secret", [NEW, OLD])
def test_a_proof_under_any_of_the_secrets_shows_the_trust(secret):
    assert judged(prove(secret)) == [Trust.SIGNED]


@pytest.mark.parametrize(
    "changed",
    [
        {"uuid": UUID.replace("0192", "0193")},
        {"uuid": UUID.upper()},
        {"distinct_id": "joe"},
        {"ticketId": "43"},
        {"ticketId": "A-42"},
        {"ticketId": None},
        {"$survey_response": 5},
        {"$survey_response": 0},
        {"link_trust": "known"},
        {"link_proof": None},
        {"link_proof": PROOF},
    ],
)
def test_a_proof_of_something_else_shows_nothing(changed):
    assert judged(prove(NEW, **changed)) == [Trust.UNVERIFIED]


def test_a_proof_under_no_secret_of_ours_shows_nothing():
    assert judged(prove(OLD), secrets=(NEW,)) == [Trust.UNVERIFIED]


def test_without_a_secret_events_are_believed():
    claims = [make_event("a", link_trust="known"), make_event("b", link_trust="no word of ours")]
    assert judged(*claims, secrets=()) == [Trust.KNOWN, Trust.UNVERIFIED]


def test_the_words_of_a_proof_have_their_places():
    words = [PROOF[i : i + 16] for i in range(0, DIGITS, 16)]
    others = ["".join(words[::-1]), "".join([*words[2:], *words[:2]]), PROOF]
    kept = read_proofs([*others, PROOF])
    assert [each == kept[-1] for each in kept] == [False, False, True, True]


@pytest.mark.parametrize(
    "value", [None, 1, True, "", "0" * 64, PROOF.upper(), PROOF[1:], f"{PROOF}0", f" {PROOF[1:]}"]
)
def test_what_is_no_proof_is_kept_as_none(value):
    assert read_proofs([value]).tolist() == [NO_PROOF]


def test_nothing_is_judged_of_nothing():
    assert judged() == []
    assert read_proofs([]).tolist() == []
