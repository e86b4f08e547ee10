"""How a report writes periods, numbers and changes."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from reports.language_names import name_language
from reports.wording import (
    count_things,
    describe_change,
    format_number,
    format_share,
    format_signed,
    join_words,
    name_duration,
    name_instant,
    name_period,
    shorten_period,
    write_sentence,
)
from survey.periods import Period


@pytest.mark.parametrize(
    ("text", "words", "short"),
    [
        ("2026-10", "October 2026", ("Oct", "2026")),
        ("2026-Q4", "quarter 4 of 2026", ("Q4", "2026")),
        ("2026", "2026", ("2026", "")),
        ("2026-10-01..2026-10-28", "1 to 28 October 2026", ("1 Oct", "2026")),
        ("2026-09-30..2026-10-02", "30 September to 2 October 2026", ("30 Sep", "2026")),
        ("2025-12-31..2026-01-01", "31 December 2025 to 1 January 2026", ("31 Dec", "2025")),
        ("2026-10-05..2026-10-05", "5 October 2026", ("5 Oct", "2026")),
    ],
)
def test_a_period_in_words(text, words, short):
    assert name_period(Period.parse(text)) == words
    assert shorten_period(Period.parse(text)) == short


@pytest.mark.parametrize(
    ("change", "verdict", "words"),
    [
        ("3.2", "up", "up 3.2 points, a clear change"),
        ("-22.6", "down", "down 22.6 points, a clear change"),
        ("-1.0", "down", "down 1.0 point, a clear change"),
        ("0.0", "up", "up by less than 0.1 points, a clear change"),
        ("3.2", "no", "no clear change"),
        ("3.2", None, "too few responses to compare"),
        (None, None, "nothing to compare with"),
    ],
)
def test_a_change_in_words(change, verdict, words):
    assert describe_change(None if change is None else Decimal(change), verdict) == words


def test_all_and_none_need_no_decimal():
    shares = [format_share(Decimal(text)) for text in ("100.0", "99.9", "0.0", "0.1", "86.0")]
    assert shares == ["100%", "99.9%", "0%", "0.1%", "86.0%"]


def test_numbers_have_their_thousands_apart_and_a_real_minus():
    assert [format_number(each) for each in (1234, 7.0, Decimal("-1049.50"), "open")] == [
        "1,234", "7", "−1,049.50", "open",
    ]  # fmt: skip
    assert [format_signed(Decimal(each)) for each in ("4.7", "-4.7", "0.0", "-0.0")] == [
        "+4.7", "−4.7", "0.0", "0.0",
    ]  # fmt: skip
    assert count_things(1, "response") == "1 response"
    assert count_things(1204, "response") == "1,204 responses"


def test_words_become_a_list():
    assert join_words(["a"]) == "a"
    assert join_words(["a", "b"], "or") == "a or b"
    assert join_words(["a", "b", "c"]) == "a, b and c"


def test_an_instant_is_told_by_the_clock_of_the_reports():
    instant = datetime(2026, 10, 20, 9, 5, tzinfo=UTC)
    assert name_instant(instant, ZoneInfo("Europe/London")) == (
        "20 October 2026, 10:05 (Europe/London)"
    )


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        (timedelta(days=7), "7 days"),
        (timedelta(hours=24), "1 day"),
        (timedelta(hours=36), "36 hours"),
        (timedelta(minutes=30), "30 minutes"),
        (timedelta(seconds=45), "45 seconds"),
    ],
)
def test_a_duration_in_words(duration, words):
    assert name_duration(duration) == words


@pytest.mark.parametrize("tag", ["", "en", "en-GB", "EN"])
def test_english_and_unknown_languages_go_without_saying(tag):
    assert name_language(tag) is None


def test_a_language_has_its_english_name():
    assert name_language("ja").name == "Japanese"
    assert name_language("pt-BR").name == "Portuguese (Brazil)"


@pytest.mark.parametrize("tag", ["<b>", "no such language", "x" * 200, "../../etc", "zz-\0"])
def test_what_is_no_language_is_its_own_name_and_no_tag(tag):
    language = name_language(tag)
    assert (language.tag, language.name) == (None, tag)


@pytest.mark.parametrize("words", ["set it back", "Set it back."])
def test_a_sentence_has_one_full_stop(words):
    assert write_sentence(words) == "Set it back."
