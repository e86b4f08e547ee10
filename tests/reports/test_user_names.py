"""What a user's name may be."""

import pytest

from reports.user_names import find_name, parse_name


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("ada", "ada"),
        ("  Ada Lovelace\n", "Ada Lovelace"),
        ("ada@example.com", "ada@example.com"),
        ("Zoe\u0308", "Zo\u00eb"),
        ("a" * 100, "a" * 100),
    ],
)
def test_a_name_is_one_whatever_it_is_typed_with(text, name):
    assert parse_name(text) == find_name(text) == name


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "blank"),
        (" \t", "blank"),
        ("a" * 101, "more than 100"),
        ("a\x00b", "cannot be printed"),
        ("a\nb", "cannot be printed"),
        ("a\u202eb", "cannot be printed"),
    ],
)
def test_a_bad_one_is_refused_and_says_why(text, reason):
    with pytest.raises(ValueError, match=reason):
        parse_name(text)
    assert find_name(text) is None


@pytest.mark.parametrize("value", [None, 7, ["ada"], {"name": "ada"}])
def test_what_is_no_text_is_no_name(value):
    assert find_name(value) is None
