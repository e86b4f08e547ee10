"""An event in the outbox holds its comment once, and leaves exactly as it was."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.events import Questions, build_event
from survey.outbox_payloads import pack_event, size_when_sent, unpack_event
from survey.rules import Answer
from survey.vocabulary import Trust
from tests.support.settings import make_settings

QUESTIONS = Questions("Wie zufrieden sind Sie?", "Was können wir besser machen?", "de")


def our_event(comment, **given):
    """The event of an answer with this comment."""
    answer = Answer(
        uuid="0192f1a4-0000-5000-8000-000000000001",
        ticket_id="42",
        distinct_id="jane",
        rating=4,
        comment=comment,
        team="surveys",
        answered_at=datetime(2026, 10, 14, 12, tzinfo=UTC),
        trust=Trust.SIGNED,
    )
    return build_event(
        answer, QUESTIONS, team="surveys", submission_id="s", settings=make_settings(**given)
    )


# Texts of all kinds, control characters included; halves of surrogate pairs have their own test.
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
# Events of ours, and events that are almost so, with something in the places of the comment.
words = st.sampled_from(["", "a", "two\nlines", "日本語", "\0", None, 4, ["a"]])
almost_ours = st.fixed_dictionaries(
    {"event": texts},
    optional={
        "comment": words,
        "properties": values
        | st.fixed_dictionaries(
            {},
            optional={
                "$survey_response_1": words,
                "$survey_response_c": words,
                "$survey_response_": words,
                "$survey_questions": st.lists(
                    st.fixed_dictionaries(
                        {},
                        optional={
                            "id": st.sampled_from(["c", "r", "", "1", None, 1]),
                            "response": words,
                        },
                    )
                    | values,
                    max_size=3,
                ),
            },
        ),
    },
)
events = st.one_of(
    texts.map(lambda text: our_event(text)),
    almost_ours,
    st.dictionaries(texts | st.just("comment"), values),
)


@given(events)
def test_an_event_leaves_as_it_came(event):
    payload = pack_event(event)
    # Byte for byte: the order of the keys is the same, too.
    assert json.dumps(unpack_event(payload)) == json.dumps(event)
    assert size_when_sent(payload) == len(json.dumps(event))
    assert "\0" not in payload
    payload.encode()


@pytest.mark.parametrize("question_id", ["1", "comment", "a b"])
def test_a_question_may_have_any_id(question_id):
    event = our_event("kept", comment_question_id=question_id)
    payload = pack_event(event)
    assert unpack_event(payload) == event
    assert size_when_sent(payload) == len(json.dumps(event))


@given(events)
def test_the_whole_event_of_an_earlier_release_is_still_read(event):
    if "comment" not in event:  # no release has written such an event
        assert unpack_event(json.dumps(event)) == event


def test_a_comment_is_kept_once_in_utf8():
    comment = "とても親切でした。" * 500
    payload = pack_event(our_event(comment))
    assert payload.count(comment) == 1
    others = len(pack_event(our_event("")).encode())
    assert len(payload.encode()) < len(comment.encode()) + others + 50


@pytest.mark.parametrize("half", ["\ud83e", "a\udc00b"])
def test_half_a_surrogate_pair_is_escaped(half):
    payload = pack_event(our_event(half))
    assert payload.isascii()
    assert unpack_event(payload) == our_event(half)


@pytest.mark.parametrize("comment", ["", "short", "ascii " * 900, "日本語" * 900, "🦔"])
def test_the_size_is_that_of_the_event_when_it_is_sent(comment):
    event = our_event(comment)
    size = len(json.dumps(event))
    assert size_when_sent(json.dumps(event)) == size
    assert size_when_sent(pack_event(event)) == size
