"""What differs, line by line."""

from hypothesis import given
from hypothesis import strategies as st

from survey.differences import Line, Sign, compare_lines, render, restrict

lines = st.lists(st.sampled_from("abcd"), max_size=20)


def test_an_object_reads_like_a_page():
    given_object = {
        "name": "CSAT",
        "on": True,
        "ended": None,
        "query": {"text": "SELECT\n    1\n\nLIMIT 2"},
        "questions": [{"id": 1}, {"id": 2}],
        "tags": ["a", "b"],
    }
    assert render(given_object) == [
        "name: CSAT",
        "on: yes",
        "ended: none",
        "query:",
        "  text:",
        "    SELECT",
        "        1",
        "",
        "    LIMIT 2",
        "questions 1:",
        "  id: 1",
        "questions 2:",
        "  id: 2",
        "tags: ['a', 'b']",
    ]


def test_only_what_differs_and_its_neighbours_are_shown():
    before = ["1", "2", "3", "4", "5", "6", "7", "8", "9"]
    after = ["1", "2", "3", "4", "five", "6", "7", "8", "9"]
    assert compare_lines(before, after) == [
        Line(Sign.LEFT_OUT, "2 equal lines"),
        Line(Sign.SAME, "3"),
        Line(Sign.SAME, "4"),
        Line(Sign.GONE, "5"),
        Line(Sign.NEW, "five"),
        Line(Sign.SAME, "6"),
        Line(Sign.SAME, "7"),
        Line(Sign.LEFT_OUT, "2 equal lines"),
    ]


@given(before=lines, after=lines)
def test_gone_and_new_lines_lead_from_one_text_to_the_other(before, after):
    shown = compare_lines(before, after)
    for sign, text in ((Sign.GONE, before), (Sign.NEW, after)):
        left_out = sum(int(line.text.split()[0]) for line in shown if line.sign is Sign.LEFT_OUT)
        kept = [line.text for line in shown if line.sign in (sign, Sign.SAME)]
        assert len(kept) + left_out == len(text)
    if before == after:
        assert all(line.sign in (Sign.SAME, Sign.LEFT_OUT) for line in shown)


def test_fields_that_nobody_asked_for_are_no_difference():
    found = {"a": 1, "extra": 2, "inner": {"b": 3, "extra": 4}, "list": [{"c": 5, "x": 6}, 7]}
    wanted = {"a": 0, "inner": {"b": 3}, "list": [{"c": 5}]}
    assert restrict(found, wanted) == {"a": 1, "inner": {"b": 3}, "list": [{"c": 5}, 7]}
    assert restrict("text", {"a": 1}) == "text"
    assert restrict({}, {"a": 1}) == {}
