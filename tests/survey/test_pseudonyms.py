"""Pseudonyms: what stands for an erased person, and who it is."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.counting_rules import CountingRules
from survey.links import LinkError, parse_link
from survey.pseudonyms import is_pseudonym, key_id, make_pseudonym, unify_persons
from survey.rules import Answer, decide
from survey.vocabulary import Trust
from tests.support.events import NOON
from tests.support.settings import SECRET_KEY, make_settings

RULES = CountingRules.of(make_settings())


@given(st.text(min_size=1))
def test_a_pseudonym_is_the_same_each_time_and_does_not_hold_the_identity(distinct_id):
    pseudonym = make_pseudonym(distinct_id, "secret")
    assert pseudonym == make_pseudonym(distinct_id, "secret") != make_pseudonym(distinct_id, "old")
    assert is_pseudonym(pseudonym)
    assert make_pseudonym(pseudonym, "secret") == pseudonym


def test_the_name_of_a_secret_does_not_hold_it():
    assert "secret" not in key_id("secret") != key_id("another")


def test_a_distinct_id_and_its_pseudonym_are_one_person_whichever_secret_made_it():
    erased = make_pseudonym("jane", "old")
    persons = unify_persons(["jane", erased, "joe"], ("new", "old"))
    assert persons["jane"] == persons[erased] == erased
    assert persons["joe"] == "joe"


def test_two_pseudonyms_of_a_person_who_came_back_are_one_person():
    new, old = (make_pseudonym("jane", secret) for secret in ("new", "old"))
    assert len(set(unify_persons([old, "jane", new], ("new", "old")).values())) == 1


def test_without_the_secret_nobody_is_recognised():
    erased = make_pseudonym("jane", "old")
    assert unify_persons(["jane", erased], ("new",)) == {"jane": "jane", erased: erased}


def test_a_link_that_names_a_pseudonym_is_refused():
    link = {"ticketId": "42", "distinct_id": f" {make_pseudonym('jane', 'secret')}"}
    with pytest.raises(LinkError, match="erased"):
        parse_link(link)


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["jane", "joe"]),
            st.sampled_from(Trust),
            st.integers(1, 5),
            st.integers(0, 400),
        ),
        min_size=1,
        max_size=6,
    ),
    st.sets(st.integers(0, 5)),
)
def test_erasing_any_of_the_answers_changes_nothing_that_counts(given_answers, erased):
    answers = [
        Answer(str(number), "42", person, rating, None, "surveys", NOON + timedelta(hours=hour), t)
        for number, (person, t, rating, hour) in enumerate(given_answers)
    ]
    with_pseudonyms = [
        replace(each, distinct_id=make_pseudonym(each.distinct_id, SECRET_KEY))
        if number in erased
        else each
        for number, each in enumerate(answers)
    ]
    before, after = decide(answers, RULES), decide(with_pseudonyms, RULES)
    assert before.outcomes == after.outcomes
    assert before.response.first.uuid == after.response.first.uuid
    assert before.response.latest.uuid == after.response.latest.uuid


def test_an_erased_tester_stays_a_tester():
    rules = CountingRules.of(make_settings(test_distinct_ids="jane"))
    erased = make_pseudonym("jane", SECRET_KEY)
    answer = Answer("1", "42", erased, 5, None, "surveys", NOON)
    assert decide([answer], rules).response is None
