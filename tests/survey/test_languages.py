"""Which languages there are, and which one a customer gets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.languages import (
    ENGLISH,
    LANGUAGES,
    choose_language,
    find_language,
    format_wording,
    parse_wording,
)


@pytest.mark.parametrize(
    ("tag", "found"),
    [
        ("de", "de"),
        ("DE", "de"),
        ("de-AT", "de"),
        ("de_CH", "de"),
        ("pt-BR", "pt-BR"),
        ("pt_br", "pt-BR"),
        ("pt", "pt-BR"),
        ("pt-PT", "pt-BR"),
        ("ar-EG", "ar"),
        ("en-GB", "en"),
        ("nl", None),
        ("den", None),
        ("*", None),
        ("", None),
        (None, None),
        ("de" * 100, None),
    ],
)
def test_a_tag_finds_its_language_in_any_spelling(tag, found):
    language = find_language(tag)
    assert (language.tag if language else None) == found


@pytest.mark.parametrize(
    ("asked", "accepted", "chosen"),
    [
        ("fr", ["de"], "fr"),
        ("xx", ["nl", "ja"], "ja"),
        (None, ["de-AT", "en"], "de"),
        (None, ["nl"], "en"),
        ("", [], "en"),
    ],
)
def test_what_is_asked_for_wins_then_what_the_browser_accepts_then_english(asked, accepted, chosen):
    assert choose_language(asked, accepted).tag == chosen


@given(st.text(), st.lists(st.text()))
def test_whatever_is_asked_for_there_is_a_language(asked, accepted):
    assert choose_language(asked, accepted) in LANGUAGES


def test_only_arabic_reads_from_right_to_left():
    assert [language.tag for language in LANGUAGES if language.direction == "rtl"] == ["ar"]
    assert LANGUAGES[0] is ENGLISH


@pytest.mark.parametrize(
    ("written", "wording"),
    [
        ("How was it, all in all?", {"en": "How was it, all in all?"}),
        ("How?|de=Wie, bitte?|pt-br=Como?", {"en": "How?", "de": "Wie, bitte?", "pt-BR": "Como?"}),
        (" de = Wie? ", {"de": "Wie?"}),
        ("en=1+1=2?", {"en": "1+1=2?"}),
    ],
)
def test_a_wording_is_a_text_by_language(written, wording):
    assert parse_wording(written) == wording
    assert parse_wording(format_wording(wording)) == wording


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("How?|xx=Como?", "xx is not a language"),
        ("How?|de=", "the text for de is blank"),
        ("How?|", "the text for en is blank"),
        ("How?|en=Really?", "two texts for en"),
        ("How?|de-AT=Wie?", "de-AT is not a language"),
    ],
)
def test_a_wording_that_cannot_be_meant_is_refused(written, reason):
    with pytest.raises(ValueError, match=reason):
        parse_wording(written)
