"""Which comments stand on a page, in which order, and which are folded."""

from datetime import timedelta

import pandas as pd
import pytest

from reports.shown_comments import (
    COMMENTS_PER_TEAM,
    LETTERS_NARROW,
    LETTERS_WIDE,
    OPEN_LINES,
    OPEN_PER_TEAM,
    find_fold,
    show_comments,
)
from reports.shown_teams import REST
from reports.shown_words import show_words
from tests.support.report_numbers import LONDON, WORDS, comment_row, comments_of, frame_of

DAY = pd.Timestamp("2026-10-01", tz=LONDON)
NAMES = {"surveys": "Surveys", "experiments": "Experiments"}


def many(number, **changes):
    return comments_of(
        *(
            comment_row(
                ticket_id=str(place),
                rating=1 if place % 10 == 0 else 2 if place % 10 == 5 else 5,
                answered_at=DAY + timedelta(minutes=place),
                **changes,
            )
            for place in range(number)
        )
    )


def test_ratings_1_and_2_stand_first_and_each_kind_from_the_newest_on():
    (group,) = show_comments(many(20), NAMES, COMMENTS_PER_TEAM)
    tickets = [int(comment.ticket_id) for comment in group.open]
    assert tickets[:4] == [15, 10, 5, 0]
    assert tickets[4:] == sorted(set(range(20)) - {0, 5, 10, 15}, reverse=True)


def test_the_first_stand_open_and_the_others_are_folded():
    (group,) = show_comments(many(3000), NAMES, COMMENTS_PER_TEAM)
    assert (group.number, group.shown) == (3000, 200)
    assert (len(group.open), len(group.folded)) == (OPEN_PER_TEAM, 180)
    # Of 600 with a low rating the newest 200.
    tickets = [int(comment.ticket_id) for comment in (*group.open, *group.folded)]
    assert tickets == list(range(2995, 1995, -5))


def test_a_page_that_leads_to_the_others_holds_only_the_first():
    (group,) = show_comments(many(3000), NAMES, OPEN_PER_TEAM)
    assert (len(group.open), len(group.folded)) == (20, 0)


def test_teams_stand_by_name_and_those_without_a_row_of_their_own_last():
    comments = comments_of(
        comment_row(team="zzz"), comment_row(team="surveys"), comment_row(team="experiments")
    )
    groups = show_comments(comments, NAMES | {REST: "1 more team"}, 20)
    assert [group.name for group in groups] == ["Experiments", "Surveys", "1 more team"]
    assert groups[-1].open[0].team == "zzz"


def test_no_comments_make_no_teams():
    assert show_comments(comments_of(), NAMES, 20) == ()


@pytest.mark.parametrize(
    ("words", "fold"),
    [
        ("", None),
        ("short", None),
        ("one\n" * OPEN_LINES, None),
        ("one\n" * OPEN_LINES + "more", "always"),
        ("x" * LETTERS_NARROW * OPEN_LINES, None),
        ("x" * (LETTERS_NARROW * OPEN_LINES + 1), "phone"),
        ("x" * (LETTERS_WIDE * OPEN_LINES + 1), "always"),
    ],
)
def test_a_comment_of_more_than_six_lines_is_folded(words, fold):
    assert find_fold(words) == fold


def test_words_stand_by_language_in_the_order_they_come():
    rows = [("en", "nine days"), ("en", "closed"), ("ar", "بعد"), ("", "hm"), ("<b>", "x")]
    words = frame_of(
        [
            {"language": language, "phrase": phrase, "low_comments": 5, "other_comments": 1}
            for language, phrase in rows
        ],
        WORDS,
    )
    shown = show_words(words)
    assert [(group.language.name, group.language.tag) for group in shown] == [
        ("English", "en"), ("Arabic", "ar"), ("Language not known", None), ("<b>", None),
    ]  # fmt: skip
    assert [phrase.words for phrase in shown[0].phrases] == ["nine days", "closed"]
