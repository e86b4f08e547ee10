"""Who gets a team's mails, as a setting writes it."""

import pytest

from survey.recipients import parse_recipients


def test_addresses_by_team():
    assert parse_recipients(" Session replay = a@x.org, b@x.org ;all=lead@example.com; ") == {
        "session_replay": ("a@x.org", "b@x.org"),
        "all": ("lead@example.com",),
    }


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "names nobody"),
        (" ; ", "names nobody"),
        ("a@x.org", "write it as"),
        ("=a@x.org", "write it as"),
        ("surveys=", "has no address"),
        ("surveys=a", "'a' is no mail address"),
        ("surveys=a@x.org b@x.org", "no mail address"),
        ("surveys=Ann <a@x.org>", "no mail address"),
        ("surveys=a@x.org\nBcc: b@x.org", "no mail address"),
        ("surveys=a@x.org;Surveys=b@x.org", "more than once"),
        (f"surveys={'a' * 300}@x.org", "no mail address"),
    ],
)
def test_what_is_wrong_is_named(text, problem):
    with pytest.raises(ValueError, match=problem):
        parse_recipients(text)
