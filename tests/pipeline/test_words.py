"""What people talk about: the words and phrases that mark low ratings."""

import math
import random
from decimal import Decimal

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.schemas import WORDS
from pipeline.tokens import name_language
from pipeline.words import LOWEST_Z, MOST_PHRASES, PRIOR_WEIGHT, find_words, holds_phrase

Comment = tuple[int, str, str | None]


def frame(comments: list[Comment]) -> pd.DataFrame:
    rows = [
        (str(number), "surveys", rating, text, language)
        for number, (rating, text, language) in enumerate(comments)
    ]
    table = pd.DataFrame(rows, columns=["ticket_id", "team", "rating", "comment", "language"])
    return table.astype({"ticket_id": "str", "team": "str", "rating": "int64", "comment": "str"})


def english(low: list[str], other: list[str], language: str | None = "en") -> list[Comment]:
    ratings = ((1, 2), (3, 4, 5))
    return [
        (ratings[kind][number % len(ratings[kind])], text, language)
        for kind, texts in enumerate((low, other))
        for number, text in enumerate(texts)
    ]


def phrases(comments: list[Comment]) -> list[str]:
    return list(find_words(frame(comments))["phrase"])


# Comments with nothing in common.
PRAISE = [f"great{letter} help{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"]


class TestPhrases:
    def test_a_word_and_its_figures(self):
        found = find_words(frame(english(["slow"] * 6 + ["odd"] * 2, ["slow", *PRAISE])))
        assert list(found.columns) == list(WORDS.columns)
        # 6 of 8, and 1 of 27.
        expected = ("en", "slow", 6, 1, Decimal("75.00"), Decimal("3.70"))
        assert list(found.drop(columns="z").itertuples(index=False, name=None)) == [expected]

    def test_z_step_by_step(self):
        # Phrases, each once for a comment: `slow` 6 and `odd` 2 in low comments; in the others
        # `slow` once, and of each of 26 the two words and the two of them together.
        low_total, other_total = 6 + 2, 1 + 26 * 3
        prior_total = PRIOR_WEIGHT * (low_total + other_total)
        prior = prior_total * (6 + 1) / (low_total + other_total)
        odds = (6 + prior) / (low_total + prior_total - 6 - prior)
        other_odds = (1 + prior) / (other_total + prior_total - 1 - prior)
        variance = (
            1 / (6 + prior)
            + 1 / (low_total + prior_total - 6 - prior)
            + 1 / (1 + prior)
            + 1 / (other_total + prior_total - 1 - prior)
        )
        z = (math.log(odds) - math.log(other_odds)) / math.sqrt(variance)
        found = find_words(frame(english(["slow"] * 6 + ["odd"] * 2, ["slow", *PRAISE])))
        assert found["z"].iloc[0] == pytest.approx(z)
        assert z > LOWEST_Z

    def test_a_comment_counts_once_however_often_it_says_it(self):
        assert phrases(english(["slow slow slow slow slow"] * 4, PRAISE)) == []
        found = find_words(frame(english(["slow, slow, slow"] * 5, PRAISE)))
        assert list(found["low_comments"]) == [5]

    def test_at_least_five_comments(self):
        assert phrases(english(["slow"] * 4, PRAISE)) == []
        assert phrases(english(["slow"] * 5, PRAISE)) == ["slow"]

    def test_what_good_comments_say_as_often_marks_nothing(self):
        low = [*["ticket"] * 10, *(f"bad{letter}" for letter in "abcdefghij")]
        assert phrases(english(low, ["ticket"] * 26 + PRAISE)) == []

    def test_what_shorter_comments_say_as_often_marks_nothing(self):
        long = [
            f"ticket {' '.join(letter * length for length in range(2, 40))}" for letter in "abcde"
        ]
        assert phrases(english(["ticket"] * 10, long * 4)) == []

    def test_what_marks_good_ratings_is_left_out(self):
        assert phrases(english(["odd", "bad"], ["perfect"] * 30)) == []

    def test_3_is_one_of_the_others(self):
        comments = [(3, "slow", "en")] * 8 + [(5, text, "en") for text in PRAISE]
        assert phrases([*comments, (1, "bad", "en")]) == []

    def test_two_words_that_follow_one_another(self):
        low = ["no reply", "no reply yet", "No reply!", "got no reply", "still no reply"]
        assert "no reply" in phrases(english(low, PRAISE))

    @pytest.mark.parametrize("between", [". ", ", ", " 3 ", "\n", " the ", " 🦔 ", " a@b.example "])
    def test_not_across_what_separates_them(self, between):
        low = [f"broken{between}export"] * 6
        assert phrases(english(low, PRAISE)) == ["broken", "export"]

    def test_not_across_comments(self):
        low = ["broken", "export"] * 6
        assert phrases(english(low, PRAISE)) == ["broken", "export"]

    def test_a_word_that_is_only_part_of_a_phrase_gives_way_to_it(self):
        assert phrases(english(["broken export"] * 6, PRAISE)) == ["broken export"]
        # `broken` is also said by itself.
        low = ["broken export"] * 6 + ["broken"]
        assert phrases(english(low, PRAISE)) == ["broken", "broken export"]

    def test_denials_say_something_with_another_word_alone(self):
        assert phrases(english(["never"] * 6, PRAISE)) == []
        assert phrases(english(["never answered"] * 6, PRAISE)) == ["never answered"]

    def test_at_most_twelve_the_clearest_first_equal_ones_by_name(self):
        low = [f"word{letter}" for letter in "zyxwvutsrqponm" for _ in range(5)] + ["worst"] * 9
        found = phrases(english(low, PRAISE * 5))
        assert found == ["worst", *(f"word{letter}" for letter in "mnopqrstuvw")]
        assert len(found) == MOST_PHRASES


class TestLeftOut:
    @pytest.mark.parametrize(
        "text",
        [
            *("the", "it was", "a", "x", "42", "3.14", "v2", "10/10", "!!!", "🦔🦔"),
            *(
                "jo@mail.example",
                "https://posthog.com/slow",
                "www.slow.example",
                "posthog.com/slow",
            ),
        ],
    )
    def test_stop_words_numbers_letters_and_addresses(self, text):
        assert phrases(english([text] * 8, PRAISE)) == []

    def test_names_have_a_capital_within_sentences(self):
        low = ["Talked to Marcus about it", "thanks Marcus", "Marcus was rude", "I told Marcus so"]
        found = phrases(english([*low, "again, Marcus", "and Marcus"] * 2, PRAISE))
        assert not [phrase for phrase in found if "marcus" in phrase]

    def test_a_capital_where_sentences_begin_says_nothing(self):
        low = ["Slow. Really", "Slow", "Bad? Slow!", "Slow\nSlow", "(Slow)", "- Slow"]
        assert "slow" in phrases(english(low, PRAISE))

    def test_a_word_that_most_write_small_is_no_name(self):
        low = ["the Export fails", "the export fails", "an export broke", "no export", "my export"]
        assert "export" in phrases(english(low, PRAISE))

    def test_capitals_alone_say_nothing(self):
        assert "api" in phrases(english(["your API fails", "an API"] * 4, PRAISE))

    def test_german_nouns_are_no_names(self):
        low = ["Keine Antwort", "ohne eine Antwort", "die Antwort fehlt", "auf Antwort gewartet"]
        assert "antwort" in phrases(english(low * 2, PRAISE, "de"))
        assert "antwort" not in phrases(english(low * 2, PRAISE, "en"))


class TestLanguages:
    def test_each_by_itself_that_of_most_comments_first(self):
        comments = [
            *english(["lento"] * 6, PRAISE[:10], "es"),
            *english(["langsam"] * 6, PRAISE[:20], "de-AT"),
            *english(["slow"] * 6, PRAISE, "en"),
            *english(["trage"] * 6, PRAISE[:4], "nl"),
            *english(["pomalu"] * 6, PRAISE[:4], None),
        ]
        found = find_words(frame(comments))
        assert list(zip(found["language"], found["phrase"], strict=True)) == [
            ("en", "slow"),
            ("de", "langsam"),
            # Unknown, in one group of 20; then 16.
            (None, "pomalu"),
            (None, "trage"),
            ("es", "lento"),
        ]

    def test_japanese_and_arabic(self):
        low = ["返信が遅い。", "対応が遅い", "とても遅いです", "遅い", "遅いサポート"]
        assert phrases(english(low, ["素晴らしい対応", "感謝します"] * 10, "ja")) == ["遅い"]
        assert phrases(english(["الرد بطيء"] * 6, ["شكرا"] * 20, "ar")) == ["الرد بطيء"]

    def test_ratings_of_one_language_say_nothing_of_another(self):
        comments = [*english(["slow"] * 9, [], "en"), *english([], ["rapide"] * 9, "fr")]
        assert phrases(comments) == []


class TestNothingToSay:
    @pytest.mark.parametrize(
        "comments",
        [
            [],
            english(["slow"] * 9, []),
            english([], ["great"] * 9),
            english(["slow"] * 9, ["slow"]),
            english(["!!!"] * 9, ["???"] * 9),
        ],
        ids=["none", "low alone", "others alone", "one word", "no words"],
    )
    def test_no_rows(self, comments):
        found = find_words(frame(comments))
        assert found.empty
        assert list(found.columns) == list(WORDS.columns)


class TestHoldsPhrase:
    @pytest.mark.parametrize(
        ("comment", "phrase", "language", "holds"),
        [
            ("Still NO reply.", "no reply", "en", True),
            ("No. Reply!", "no reply", "en", False),
            ("slower", "slow", "en-GB", False),
            ("It is SLOW", "slow", "en-GB", True),
            ("Don’t care", "don't care", None, True),
            ("l'export est lent", "export", "fr", True),
            ("返信が遅い", "遅い", "ja", True),
            ("slow", "", "en", False),
            ("slow", " ", "en", False),
            ("", "slow", "en", False),
        ],
    )
    def test_as_words_are_found(self, comment, phrase, language, holds):
        assert holds_phrase(comment, phrase, language) is holds


VOCABULARY = (
    *("slow", "export", "Export", "no", "reply", "the", "Marcus", "don't", ",", ".", "3", "🦔"),
    *("遅い", "\u202e", "a@b.example", "-"),
)
corpora = st.lists(
    st.tuples(
        st.integers(1, 5),
        st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=6).map(" ".join),
        st.sampled_from(["en", "en-GB", "de", None]),
    ),
    max_size=40,
).map(lambda comments: comments * 3)


@settings(max_examples=25, deadline=None)
@given(comments=corpora, seed=st.integers())
def test_the_order_of_comments_does_not_matter(comments, seed):
    shuffled = comments.copy()
    random.Random(seed).shuffle(shuffled)
    pd.testing.assert_frame_equal(find_words(frame(comments)), find_words(frame(shuffled)))


@settings(max_examples=25, deadline=None)
@given(comments=corpora)
def test_the_comments_that_hold_a_phrase_are_those_that_were_counted(comments):
    for row in find_words(frame(comments)).to_dict("records"):
        holding = [
            rating
            for rating, text, language in comments
            if name_language(language) == row["language"]
            and holds_phrase(text, row["phrase"], language)
        ]
        low = sum(rating <= 2 for rating in holding)
        assert (row["low_comments"], row["other_comments"]) == (low, len(holding) - low)
        assert len(holding) >= 5
        assert row["z"] >= LOWEST_Z


def test_hostile_comments_are_read_as_any_other():
    hostile = ["🦔" * 5000, "\x00\x1b[31m", "\u202eslow\u202c", "a" * 5000, "=1+1", "<script>"]
    found = find_words(frame(english([*hostile * 6, *["slow reply"] * 6], PRAISE)))
    assert {"script", "slow"} <= set(found["phrase"])
    assert max(map(len, found["phrase"])) <= 40
