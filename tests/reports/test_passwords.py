"""What a good password is, and whether one is right."""

import pytest
from argon2 import PasswordHasher

from reports.passwords import BadPassword, Passwords, check_password, hash_password
from tests.support.reports_site import QUICK


@pytest.mark.parametrize(
    "password", ["a" * 12, "a" * 1_000, "correct horse battery", "пароль-пароль"]
)
def test_a_good_one_is_taken(password):
    assert check_password(password) == password


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("", "fewer than 12"),
        ("a" * 11, "fewer than 12"),
        ("a" * 1_001, "more than 1,000"),
        ("correct horse\nbattery", "line break"),
        ("correct horse\x00", "line break or another character"),
    ],
)
def test_a_bad_one_is_refused_and_says_why(password, reason):
    with pytest.raises(BadPassword, match=reason):
        check_password(password)


def test_the_right_password_alone_is_right():
    password_hash = QUICK.hash("correct horse")
    assert QUICK.verify(password_hash, "correct horse")
    assert not QUICK.verify(password_hash, "correct horsf")
    assert not QUICK.verify(password_hash, "")


def test_without_a_hash_no_password_is_right():
    assert not QUICK.verify(None, "nobody has this password")


def test_what_is_no_hash_verifies_nothing():
    assert not QUICK.verify("plain text", "plain text")


def test_one_letter_typed_in_two_ways_is_one_letter():
    assert QUICK.verify(QUICK.hash("caf\u00e9 caf\u00e9"), "cafe\u0301 cafe\u0301")


def test_hashes_are_made_with_argon2id_and_its_recommended_effort():
    assert hash_password("correct horse").startswith("$argon2id$v=19$m=65536,t=3,p=4$")


def test_a_hash_of_less_effort_is_outdated():
    more = Passwords(PasswordHasher(time_cost=2, memory_cost=8, parallelism=1))
    assert more.is_outdated(QUICK.hash("correct horse"))
    assert not more.is_outdated(more.hash("correct horse"))
