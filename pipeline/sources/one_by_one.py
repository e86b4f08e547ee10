"""Reducing events that were read one by one: slow, and right whatever they hold."""

from collections.abc import Iterator
from itertools import islice

import pyarrow as pa

from pipeline.clean import RawEvent, read_events
from pipeline.reduced import reduce_answers
from survey.counting_rules import CountingRules

_EVENTS_AT_ONCE = 10_000

# An event and the row or line where it stands in its file.
NumberedEvent = tuple[int, RawEvent]


def reduce_one_by_one(events: Iterator[NumberedEvent], rules: CountingRules) -> Iterator[pa.Table]:
    """These events reduced (`reduced.SCHEMA`), some thousands at a time."""
    while some := list(islice(events, _EVENTS_AT_ONCE)):
        answers = read_events([event for _, event in some], rules)
        yield reduce_answers(answers, [number for number, _ in some])
