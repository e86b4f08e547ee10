"""The note with a customer's comment: plain words, whatever they are, and known again."""

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.comments import HOSTILE
from demo.zendesk_views import show_comment
from survey.messages.plain_text import BREAK
from survey.vocabulary import Trust
from survey.zendesk.notes import compose_note, format_note, is_noted

comments = st.text(st.characters(exclude_categories=["Cs"]), max_size=60) | st.text(
    "{}%<>&;:.@ab \n\u200b\u202e", max_size=30
)


def shown(text):
    """A note's text as Zendesk shows it again."""
    return show_comment({"html_body": format_note(text), "public": False})["plain_body"]


def test_a_note_says_what_it_is_and_keeps_the_lines_of_the_comment():
    text = compose_note("slow\n\nbut friendly", Trust.KNOWN)
    assert text.splitlines() == [
        "The customer's comment in the satisfaction survey:",
        "slow",
        "",
        "but friendly",
    ]
    assert format_note(text).endswith("survey:<br>slow<br><br>but friendly</p>")


def test_a_note_warns_of_words_that_anybody_may_have_sent():
    warning = "Nobody has checked who sent this"
    assert warning in compose_note("slow", Trust.UNVERIFIED)
    for trust in (Trust.KNOWN, Trust.SIGNED):
        assert warning not in compose_note("slow", trust)


@pytest.mark.parametrize("comment", ["", " \n ", "\u200b", "\u202e"])
def test_nobody_is_shown_a_comment_without_anything_to_see(comment):
    assert compose_note(comment, Trust.SIGNED) is None


@pytest.mark.parametrize("comment", [*HOSTILE, "{{ticket.requester.email}} {% if %} {{{x}}}"])
def test_hostile_comments_are_words(comment):
    text = compose_note(comment, Trust.SIGNED)
    assert not re.search(r"\{\{|\{%|%\}|\}\}|://\S|\w@\w", text)
    assert re.findall("<[^>]*>", format_note(text).replace("<br>", "")) == ["<p>", "</p>"]
    assert "".join(comment.split())[:5] in "".join(text.replace(BREAK, "").split())


def test_a_long_comment_is_shown_whole():
    assert "long " * 900 + "end" in compose_note("long " * 900 + "end", Trust.SIGNED)


@given(comments)
def test_whatever_a_customer_writes_is_neither_markup_nor_liquid(comment):
    text = compose_note(comment, Trust.SIGNED)
    if text is None:
        return
    assert not re.search(r"\{\{|\{%|%\}|\}\}", text)
    inner = format_note(text).removeprefix("<p>").removesuffix("</p>").replace("<br>", "")
    assert "<" not in inner
    assert ">" not in inner
    assert html.unescape(inner) == "".join(text.splitlines())


@given(comments, comments)
def test_a_note_is_known_again_and_no_other_is(comment, other):
    text, another = compose_note(comment, Trust.SIGNED), compose_note(other, Trust.SIGNED)
    if text is None or another is None:
        return
    assert is_noted(text, ["looked at it again", shown(text)])
    # Zendesk may lay a note out anew, so only what one reads is compared.
    read, read_of_other = ("".join(html.unescape(each).split()) for each in (text, another))
    assert is_noted(text, [shown(another)]) == (read == read_of_other)


def test_only_the_newest_note_of_ours_counts():
    first, second = (compose_note(each, Trust.SIGNED) for each in ("slow", "fast"))
    assert not is_noted(first, [shown(second), shown(first)])
    assert is_noted(second, [shown(second), shown(first)])
    assert not is_noted(first, [])
