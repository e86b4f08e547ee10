"""Marks: what may stand in one, and which of them a trend gets."""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.store.marks import (
    LONGEST_WORDS,
    Mark,
    NoSuchMark,
    add_mark,
    list_marks,
    parse_day,
    parse_words,
    remove_mark,
)

NOW = datetime(2026, 10, 20, 8, 0, tzinfo=UTC)
FIRST, SECOND, THIRD = (date(2026, 10, day) for day in (5, 14, 28))


def test_marks_are_listed_by_day_and_those_of_a_day_as_they_came(database):
    with database.writing() as connection:
        ids = [
            add_mark(connection, day, words, "ann", NOW)
            for day, words in ((THIRD, "last"), (FIRST, "Release 2.3"), (FIRST, "Outage 🦔"))
        ]
    assert len(set(ids)) == 3
    with database.reading() as connection:
        assert list_marks(connection) == [
            Mark(ids[1], FIRST, "Release 2.3", "ann"),
            Mark(ids[2], FIRST, "Outage 🦔", "ann"),
            Mark(ids[0], THIRD, "last", "ann"),
        ]


def test_a_trend_gets_the_marks_of_its_days_with_both_ends(database):
    with database.writing() as connection:
        for day in (FIRST, SECOND, THIRD):
            add_mark(connection, day, str(day.day), "ann", NOW)
    with database.reading() as connection:
        assert [mark.words for mark in list_marks(connection, FIRST, SECOND)] == ["5", "14"]
        assert [mark.words for mark in list_marks(connection, SECOND, THIRD)] == ["14", "28"]
        assert list_marks(connection, date(2026, 10, 6), date(2026, 10, 13)) == []


def test_a_mark_is_removed_once(database):
    with database.writing() as connection:
        first, second = (add_mark(connection, FIRST, words, "ann", NOW) for words in "ab")
        assert remove_mark(connection, first).words == "a"
        with pytest.raises(NoSuchMark, match=f"no mark has the id {first}$"):
            remove_mark(connection, first)
        assert [mark.id for mark in list_marks(connection)] == [second]


@given(st.dates(date(1000, 1, 1), date(9000, 12, 31)))
def test_a_day_is_read_as_it_is_written(day):
    assert parse_day(day.isoformat()) == day


@pytest.mark.parametrize(
    "text",
    [
        *("", "2026-10", "2026-1-1", "14.10.2026", "20261014", "2026-W42-3", "2026-287"),
        *("2026-02-30", "2026-10-14 ", "2026-10-14T00:00", "２０２６-10-14", "0999-12-31"),
        *("9001-01-01", "2026-10-14\n"),
    ],
)
def test_what_is_no_day_is_named(text):
    with pytest.raises(ValueError, match="is not a day") as refused:
        parse_day(text)
    assert text in str(refused.value) or repr(text) in str(refused.value)


def test_words_may_be_of_any_script_and_have_no_blanks_around_them():
    assert parse_words("  Störung 障害 🦔\n") == "Störung 障害 🦔"
    assert parse_words("x" * LONGEST_WORDS) == "x" * LONGEST_WORDS


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "missing"),
        (" \t\n", "missing"),
        ("x" * (LONGEST_WORDS + 1), "81 characters are too many; write at most 80"),
        ("a\nb", r"U\+000A cannot be printed"),
        ("a\x1b[31mb", r"U\+001B cannot be printed"),
        ("a\x00b", r"U\+0000 cannot be printed"),
        ("a\u202eb", r"U\+202E cannot be printed"),
        ("a\ud83eb", r"U\+D83E cannot be printed"),
    ],
)
def test_words_that_are_refused_say_why(text, reason):
    with pytest.raises(ValueError, match=reason):
        parse_words(text)
