"""A distinct_id in what others wrote, and events without words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.erasing.events import erase_event
from survey.erasing.words import hide_person, names_person
from survey.events import Questions, build_event
from survey.rules import Answer
from tests.support.events import NOON
from tests.support.settings import SECRET_KEY, make_settings

SETTINGS = make_settings(rating_question_id="R", comment_question_id="C")


@pytest.mark.parametrize(
    ("text", "distinct_id", "hidden"),
    [
        ("by jane@x.example.", "jane@x.example", "by (erased)."),
        ("user 1234, spam", "1234", "user (erased), spam"),
        ("ticket 12345", "1234", "ticket 12345"),
        ("2026-10-14 Release 2.345", "345", "2026-10-14 Release 2.345"),
        ("mary-jane wrote", "jane", "mary-jane wrote"),
        ("(jane)", "jane", "((erased))"),
        ("a of b", "a", "a of b"),
    ],
)
def test_only_the_whole_name_is_hidden(text, distinct_id, hidden):
    assert hide_person(text, distinct_id) == hidden
    assert names_person(text, distinct_id) is (text != hidden)


@given(st.text(), st.text(min_size=3))
def test_what_is_hidden_names_nobody_any_more(text, distinct_id):
    if distinct_id not in "(erased)":
        assert not names_person(hide_person(text, distinct_id), distinct_id)


@given(st.text(), st.text(min_size=1), st.booleans())
def test_an_event_without_words_is_that_of_an_answer_without_a_comment(comment, area, is_person):
    def event(comment, area, person="jane"):
        answer = Answer("u", "42", person, 3, comment, "surveys", NOON)
        return build_event(
            answer,
            Questions("How?", "Why?"),
            initial_target_area=area,
            team="surveys",
            submission_id="s",
            settings=SETTINGS,
        )

    pseudonym = "erased:1" if is_person else None
    erased = erase_event(event(comment, area), pseudonym, SECRET_KEY)
    assert erased == event(None, None, "erased:1" if is_person else "jane")
    assert erase_event(erased, pseudonym, SECRET_KEY) is erased
