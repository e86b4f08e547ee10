"""What strangers wrote is shown, and does nothing."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.messages.plain_text import (
    BREAK,
    LONGEST_EXCERPT,
    escape_for_chat,
    excerpt,
    link_for_chat,
)


def seen(text: str) -> str:
    """What a person reads."""
    return text.replace(BREAK, "")


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("  quick\n\n\tand   kind ", "quick and kind"),
        ("abc\u202etxt.exe\u2066", "abctxt.exe"),
        ("a\x00b\x1b[31mc\x7f", "ab[31mc"),
        ("half \ud83d a pair", "half  a pair"),
        ("👩‍👩‍👧 می‌خواهم", "👩‍👩‍👧 می‌خواهم"),
        ("", ""),
    ],
)
def test_what_nobody_sees_is_left_out(written, read):
    assert seen(excerpt(written)) == read


def test_a_long_text_is_cut():
    short = seen(excerpt("🦔" * 5_000))
    assert short == "🦔" * (LONGEST_EXCERPT - 1) + "…"
    assert seen(excerpt("x" * LONGEST_EXCERPT)) == "x" * LONGEST_EXCERPT


@pytest.mark.parametrize(
    "written",
    [
        "https://evil.example.com/pay",
        "www.evil.example.com",
        "evil.example.com",
        "write to me@evil.example.com",
        "@channel @here @everyone",
        ":tada: :fire:",
    ],
)
def test_no_program_finds_an_address_a_name_or_an_emoji_code(written):
    shown = excerpt(written)
    assert seen(shown) == written
    for found in ("://", "evil.example", "www.e", "@c", "@h", "@e", ":t", ":f"):
        assert found not in shown


@given(st.text())
def test_nothing_is_markup_in_a_chat(written):
    shown = escape_for_chat(excerpt(written))
    assert not set("<>`\n\r") & set(shown)
    rest = shown.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")
    assert "&" not in rest
    assert "](" not in rest
    assert not any(unicodedata.category(each) in ("Cc", "Cs") for each in rest)
    assert not any("\u202a" <= each <= "\u202e" or "\u2066" <= each <= "\u2069" for each in rest)


def test_mentions_of_slack_are_words():
    assert seen(escape_for_chat(excerpt("<!channel> <@U1> <http://x|y> &lt;!here&gt;"))) == (
        "&lt;!channel&gt; &lt;@U1&gt; &lt;http://x|y&gt; &amp;lt;!here&amp;gt;"
    )


def test_a_link_of_our_own_cannot_be_broken_out_of():
    link = link_for_chat("https://help.example.com/a|b?c=d&e=>", "Ticket >|<!channel>")
    assert link == ("<https://help.example.com/a%7Cb?c=d&amp;e=&gt;|Ticket &gt;|&lt;!channel&gt;>")
