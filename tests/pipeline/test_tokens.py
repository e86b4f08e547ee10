"""The words of comments, in every language, and of hostile ones."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import tokens
from pipeline.stop_words import QUALIFIERS, STOP_WORDS
from pipeline.tokens import BREAK, LONGEST_WORD, find_stop_words, name_language, split_words
from survey.languages import LANGUAGES

HOSTILE = (
    *("🦔", "🦔 ", "\u202e", "\x00\x01", ",", "a", "a ", "a.", "a-", "a'", "a1", "a@", "a@b.", "-"),
    *("http://", "www.", "a.com", "a.com ", "返信", "サ", "\u0301", "a\u0301", "\ufdfa", "ก"),
)


def words(comment: str, language: str | None = "en") -> str:
    """The words, with `|` for breaks; several breaks are one."""
    found = " ".join(word or "|" for word in split_words(comment, language))
    while "| |" in found:
        found = found.replace("| |", "|")
    return found


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        ("Slow, and rude. Very slow!", "slow | and rude | very slow |"),
        ("I waited nine days", "| waited nine days"),
        ("- slow\n- unhelpful", "| slow | unhelpful"),
        ("a self-serve plan - bad", "| self serve plan | bad"),
        ("Don’t / doesn't; the agent's reply", "don't | doesn't | the agent reply"),
        ("'quoted' words", "| quoted | words"),
        ("3 days, 2fa, v2, 10/10, ticket_id", "| days |"),
        ("write to jo.doe+x@mail.example.com now", "write to | now"),
        ("see https://posthog.com/docs?a=b#c or www.example.com, ok", "see | or | ok"),
        ("on app.posthog.com/insights today", "on | today"),
        ("slow.Then it broke", "slow | then it broke"),
        ("<b>bold</b>", "| bold |"),
        ("{{ 7 * 7 }} ${7*7} %s %n", "|"),
        ("", ""),
    ],
)
def test_english(comment, expected):
    assert words(comment) == expected


@pytest.mark.parametrize(
    ("language", "comment", "expected"),
    [
        ("fr", "L’export n'a pas marché, qu'est-ce ?", "| export | pas marché | qu est ce |"),
        ("de", "Die Größe der Straße stimmt nicht", "die größe der straße stimmt nicht"),
        ("es", "¿Cómo? Tardó demasiado", "| cómo | tardó demasiado"),
        ("ar", "شكرًا جزيلًا، تم حل المشـكلة", "شكرا جزيلا | تم حل المشكلة"),
        # Two kanji; a kanji by itself with its kana; katakana; Latin letters come first.
        ("ja", "返信が遅い。サポートのAPI", "| api | 返信 | 遅い | サポート"),
        ("ja", "問題解決", "| 問題 | 題解 | 解決"),
        ("ja", "ありがとう", "|"),
        ("ja", "ﾃｽﾄ", "| テスト"),
        (None, "回复太慢", "| 回复 | 复太 | 太慢"),
        (None, "बहुत धीमा", "बहुत धीमा"),
        (None, "매우 느린 답변", "매우 느린 답변"),
        (None, "ช้ามาก slow", "| slow"),
    ],
)
def test_other_languages(language, comment, expected):
    assert words(comment, language) == expected


@pytest.mark.parametrize(
    ("comment", "expected"),
    [
        ("Great help \u202etxt.exe\u202c really", "great help txt | exe really"),
        ("so\u00adft hy\u200bphen", "soft hyphen"),
        ("a\x00b\x07 bell\x1b[31m", "| bell |"),
        ("\uff33\uff2c\uff2f\uff37", "slow"),
        ("cafe\u0301 cafe\u0301", "café café"),
        ("👩‍👩‍👧‍👦 💯💯💯 slow", "| slow"),
    ],
)
def test_what_nobody_sees_does_not_count(comment, expected):
    assert words(comment) == expected


@pytest.mark.parametrize("language", ["en", "fr", None])
@pytest.mark.parametrize("part", HOSTILE, ids=ascii)
def test_hostile_comments_take_no_time(part, language):
    start = time.process_time()
    found = split_words((part * 5000)[:5000] + "@", language)
    assert time.process_time() - start < 0.25
    assert max(map(len, found), default=0) <= LONGEST_WORD


@given(comment=st.text(max_size=200), language=st.sampled_from([None, "en", "de", "ja"]))
def test_words_are_small_letters_without_spaces(comment, language):
    for word in split_words(comment, language):
        assert word == BREAK or (2 <= len(word) <= LONGEST_WORD and not word.isspace())
        assert word.split() == ([word] if word else [])
        assert not any(letter.isdecimal() and letter.isascii() for letter in word)


@given(comment=st.text("aZ'’19_ ,.-@/\n<é", max_size=60))
def test_letters_of_ascii_are_found_as_all_letters_are(comment):
    assert tokens._FORMS_OF_ASCII.findall(comment.replace("é", "e")) == tokens._FORMS.findall(
        comment.replace("é", "e")
    )


def test_a_language_is_one_of_the_survey_or_unknown():
    assert [name_language(tag) for tag in ("de-AT", "PT", "en_us", "ja")] == [
        *("de", "pt-BR", "en", "ja")
    ]
    assert [name_language(tag) for tag in (None, "", "it", "x" * 400)] == [None] * 4


@pytest.mark.parametrize("language", [each.tag for each in LANGUAGES])
def test_stop_words_are_written_as_words_of_comments_are(language):
    stop_words, qualifiers = find_stop_words(language)
    assert stop_words
    assert not stop_words & qualifiers
    for word in stop_words | qualifiers:
        assert [*filter(None, split_words(word, language))] == ([word] if len(word) > 1 else [])


def test_every_language_of_the_survey_has_stop_words():
    assert set(STOP_WORDS) == set(QUALIFIERS) == {each.tag for each in LANGUAGES}


def test_in_an_unknown_language_all_stop_words_are_left_out():
    stop_words, qualifiers = find_stop_words(None)
    assert {"the", "der", "les"} <= stop_words
    assert {"not", "nicht", "no"} <= qualifiers
    assert not stop_words & qualifiers
