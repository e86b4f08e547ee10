"""Of copies of one event, one counts."""

from datetime import timedelta

from survey.copies import ImportedAnswer, choose_copies
from survey.counting_rules import CountingRules
from tests.support.events import NOON, Event, as_imported, make_event
from tests.support.settings import make_settings

RULES = CountingRules.of(make_settings())


def imported(*events: Event) -> list[ImportedAnswer]:
    return [as_imported(event, RULES) for event in events]


def chosen(*events: Event) -> list[ImportedAnswer]:
    return choose_copies(imported(*events))


def test_the_earliest_copy_is_kept():
    late, early = make_event(at=NOON + timedelta(seconds=1)), make_event(comment="early")
    other = make_event("u2")
    assert chosen(late, early, other) == chosen(early, late, other) == imported(early, other)


def test_of_equal_times_the_greatest_properties_whatever_their_order():
    small = make_event(properties={"b": 1, "a": 1})
    great = make_event(properties={"a": 2, "b": 0})
    assert chosen(small, great) == chosen(great, small) == imported(great)


def test_no_order_decides_even_where_only_the_person_differs():
    ann, bob = make_event(distinct_id="ann"), make_event(distinct_id="bob")
    assert chosen(ann, bob) == chosen(bob, ann) == imported(bob)
