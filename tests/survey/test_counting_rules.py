"""What counts depend on: one object, whose fingerprints notice every change of it."""

from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from survey.counting_rules import CountingRules, Derived
from tests.support.settings import make_settings

RULES = CountingRules.of(make_settings(test_distinct_ids="jane,joe", survey_id="s"), ["1", "2"])
OTHERS = {
    "rating_question_id": "another",
    "comment_question_id": "another",
    "survey_id": None,
    "edit_window": timedelta(days=1),
    "timezone": ZoneInfo("Pacific/Auckland"),
    "test_distinct_ids": frozenset(),
    "void_tickets": frozenset({"1"}),
    "unverified_excluded_from": datetime(2026, 10, 1, tzinfo=UTC),
    "secrets": ("another secret",),
    "version": 0,
}
# What each rule is irrelevant to.
IRRELEVANT = {
    "rating_question_id": {Derived.RESPONSES, Derived.CLOSES},
    "comment_question_id": {Derived.RESPONSES, Derived.CLOSES},
    "edit_window": {Derived.ANSWERS},
    "timezone": {Derived.ANSWERS, Derived.RESPONSES, Derived.CLOSES},
    "test_distinct_ids": {Derived.ANSWERS},
    "void_tickets": {Derived.ANSWERS, Derived.RESPONSES, Derived.CLOSES},
    "unverified_excluded_from": {Derived.ANSWERS},
    "secrets": {Derived.ANSWERS, Derived.CLOSES},
}


def test_every_rule_is_tried_here():
    assert OTHERS.keys() == {each.name for each in fields(CountingRules)}


@pytest.mark.parametrize("derived", Derived)
@pytest.mark.parametrize("name", OTHERS)
def test_a_changed_rule_changes_the_fingerprint_where_it_matters(name, derived):
    changed = replace(RULES, **{name: OTHERS[name]})
    is_same = changed.fingerprint(derived) == RULES.fingerprint(derived)
    assert is_same is (derived in IRRELEVANT.get(name, ()))


@pytest.mark.parametrize("derived", Derived)
def test_a_rule_that_is_added_changes_every_fingerprint_by_itself(derived):
    @dataclass(frozen=True, kw_only=True)
    class MoreRules(CountingRules):
        weekend: str = "counts"

    more = MoreRules(**{each.name: getattr(RULES, each.name) for each in fields(RULES)})
    assert more.fingerprint(derived) != RULES.fingerprint(derived)
    assert replace(more, weekend="does not").fingerprint(derived) != more.fingerprint(derived)


def test_the_month_from_which_unverified_answers_do_not_count_begins_in_the_time_zone():
    def begins(timezone):
        configured = make_settings(unverified_excluded_from="2026-10", timezone=timezone)
        return CountingRules.of(configured).unverified_excluded_from

    assert begins("Europe/London") == datetime(2026, 9, 30, 23, tzinfo=UTC)
    assert begins("Pacific/Auckland") == datetime(2026, 9, 30, 11, tzinfo=UTC)
    assert CountingRules.of(make_settings()).unverified_excluded_from is None


def test_a_fingerprint_does_not_depend_on_the_order_of_settings():
    other = CountingRules.of(make_settings(test_distinct_ids="joe,jane", survey_id="s"), ["2", "1"])
    assert all(other.fingerprint(each) == RULES.fingerprint(each) for each in Derived)


def test_values_do_not_run_into_each_other():
    one = replace(RULES, test_distinct_ids=frozenset({"a", "b"}))
    other = replace(RULES, test_distinct_ids=frozenset({"a', 'b"}))
    assert one.fingerprint(Derived.RESPONSES) != other.fingerprint(Derived.RESPONSES)


def test_nobody_can_be_read_from_a_fingerprint():
    assert all(len(RULES.fingerprint(each)) == 64 for each in Derived)
    assert "jane" not in RULES.fingerprint(Derived.COUNTS)
