"""What a provider says of somebody, read without believing in its form."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.site.claims import read_names, read_role, read_subject
from reports.user_names import find_name
from survey.vocabulary import Role

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


@pytest.mark.parametrize(
    ("value", "role"),
    [
        ("lead", Role.LEAD),
        (["lead"], Role.LEAD),
        (["finance", "lead"], Role.LEAD),
        (["lead", "admin", "finance", "staff"], Role.ADMIN),
        (["staff", 7, None, ["admin"], "finance"], Role.FINANCE),
        ("staff", None),
        ("Lead", None),
        ("lead admin", None),
        ([], None),
        (None, None),
        ({"admin": True}, None),
    ],
)
def test_the_highest_role_holds(value, role):
    assert read_role({"role": value}, "role") == role
    assert read_role({"other": value}, "role") is None


@given(JSON)
def test_any_value_gives_a_role_or_none(value):
    assert read_role({"role": value}, "role") in (None, *Role)


def test_names_come_the_best_first():
    claims = {"sub": "7", "email": "ada@example.com", "preferred_username": " ada "}
    assert read_names(claims) == ["ada", "ada@example.com", "7"]


@given(JSON, JSON, JSON)
def test_there_is_always_a_name_that_a_user_can_have(name, email, subject):
    names = read_names({"preferred_username": name, "email": email, "sub": subject})
    assert names
    assert all(find_name(each) == each for each in names)


@pytest.mark.parametrize("subject", [None, 7, "", "a\nb", "a\x00", "x" * 256, ["7"]])
def test_a_subject_that_cannot_be_kept_is_none(subject):
    assert read_subject({"sub": subject}, "https://id.example.com") is None


def test_subjects_of_two_providers_differ():
    one, other = (read_subject({"sub": "7"}, issuer) for issuer in ("https://a", "https://b"))
    assert one != other
