"""What PostHog's answers mean: the rules alone."""

import pytest

from survey.delivery.answer import (
    MAX_MESSAGE_LENGTH,
    is_acceptance,
    printable,
    read_error_message,
    reason_for,
)


@pytest.mark.parametrize("body", [b'{"status": "Ok"}', b'{"status": 1}'])
def test_these_are_acceptance_with_200_alone(body):
    assert is_acceptance(200, body)
    assert not is_acceptance(201, body)


@pytest.mark.parametrize(
    "body",
    [b'{"status": true}', b'{"status": 1.0}', b'{"status": "1"}', b"true", b"[" * 60_000, b"\xff"],
)
def test_these_are_not(body):
    assert not is_acceptance(200, body)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"detail": "no name"}', "no name"),
        (b'{"detail": ["no name"]}', '{"detail": ["no name"]}'),
        (b" two\n lines ", "two lines"),
        (b'{"detail": "a\\u0000b"}', "a?b"),
        (b'{"detail": "a\\ud800b"}', "a?b"),
        (b"\x1b[2Jgone", "?[2Jgone"),
        ("\u202etxt".encode(), "?txt"),
        (b"\xff\xfe", "\N{REPLACEMENT CHARACTER}" * 2),
        (b"[" * 60_000, "[" * MAX_MESSAGE_LENGTH),
    ],
)
def test_words_are_one_line_that_can_be_stored_and_shown(body, words):
    assert read_error_message(body) == words


def test_letters_of_all_languages_are_printable():
    assert printable("Größe 大小 مرحبا 🦔") == "Größe 大小 مرحبا 🦔"


@pytest.mark.parametrize(
    ("status", "setting"),
    [(401, "KEY"), (403, "KEY"), (302, "HOST"), (404, "HOST"), (200, "HOST")],
)
def test_the_reason_says_what_to_check(status, setting):
    assert reason_for(status).endswith(f": check CSAT_POSTHOG_{setting}")


def test_where_no_setting_helps_the_reason_names_none():
    assert reason_for(503) == "PostHog answered 503"
    assert reason_for(400) == "PostHog answered 400"
