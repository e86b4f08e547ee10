"""What only one of the two has, and why: every state of an answer against what PostHog has."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.reconcile import (
    INGESTION_LAG,
    Difference,
    Reason,
    SentEvent,
    Side,
    compare,
)
from survey.store.models import Origin
from survey.store.sent import SentAnswer
from survey.vocabulary import COUNTED, Outcome

AS_OF = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
TICK = timedelta(microseconds=1)
LONG_AGO = AS_OF - timedelta(days=40)
RETENTION = timedelta(days=30)
RESPONSE = {"a": "response"}


def answered(uuid="a", at=AS_OF - timedelta(days=1), source=Origin.SITE, **event) -> SentAnswer:
    """An answer of the month; `event` is the state of its outbox row, if it has one."""
    return SentAnswer(uuid, "42", at, source, is_enqueued=bool(event), **event)


def waiting(**given) -> SentAnswer:
    answer = answered(**given)
    return SentAnswer(answer.uuid, "42", answer.answered_at, answer.source, is_enqueued=True)


def delivered(delivered_at: datetime, **given) -> SentAnswer:
    return answered(delivered_at=delivered_at, **given)


def event(uuid="a", at=AS_OF - timedelta(days=1)) -> SentEvent:
    return SentEvent(uuid, at, "42")


def only_difference(answers, outcomes, events) -> Difference:
    (difference,) = compare(answers, outcomes, events, AS_OF, RETENTION).differences
    return difference


@pytest.mark.parametrize(
    ("answer", "reason", "detail", "is_explained"),
    [
        (waiting(), Reason.WAITING, None, True),
        (waiting(at=LONG_AGO), Reason.WAITING, None, True),
        (answered(dead_at=LONG_AGO, reason="it answered 400"), "dead", "it answered 400", True),
        (delivered(AS_OF), Reason.IN_FLIGHT, None, True),
        (delivered(AS_OF - INGESTION_LAG + TICK), Reason.IN_FLIGHT, None, True),
        # accepted after PostHog was asked
        (delivered(AS_OF + timedelta(minutes=1)), Reason.IN_FLIGHT, None, True),
        (delivered(AS_OF - INGESTION_LAG), Reason.DROPPED, None, False),
        (delivered(LONG_AGO), Reason.DROPPED, None, False),
        (answered(), Reason.NEVER_SENT, None, False),
        (answered(at=AS_OF - RETENTION + TICK), Reason.NEVER_SENT, None, False),
        # its outbox row may have been there once
        (answered(at=AS_OF - RETENTION), Reason.DROPPED, None, False),
        (answered(at=LONG_AGO), Reason.DROPPED, None, False),
        # PostHog was asked to delete the person; what still waits is not of them any more
        (delivered(AS_OF, is_of_erased=True), Reason.ERASED, None, True),
        (delivered(LONG_AGO, is_of_erased=True), Reason.ERASED, None, True),
        (replace(answered(), is_of_erased=True), Reason.ERASED, None, True),
        (replace(waiting(), is_of_erased=True), Reason.WAITING, None, True),
        (answered(dead_at=LONG_AGO, reason="no", is_of_erased=True), "dead", "no", True),
    ],
)
@pytest.mark.parametrize("outcome", [outcome.value for outcome in COUNTED])
def test_why_posthog_lacks_an_answer_that_counts(answer, reason, detail, is_explained, outcome):
    difference = only_difference([answer], {"a": outcome}, [])
    assert difference.side is Side.NOT_AT_POSTHOG
    assert (difference.reason, difference.detail) == (reason, detail)
    assert difference.is_explained is is_explained
    assert (difference.at, difference.ticket_id) == (answer.answered_at, "42")


@pytest.mark.parametrize("outcome", [each for each in Outcome if each not in COUNTED])
@pytest.mark.parametrize("source", Origin)
def test_what_counts_no_more_is_named_with_its_outcome(outcome, source):
    answers = [delivered(LONG_AGO, source=source)]
    difference = only_difference(answers, {"a": outcome.value}, [event()])
    assert (difference.side, difference.reason) == (Side.ONLY_AT_POSTHOG, Reason.NOT_COUNTED)
    assert difference.detail == outcome
    assert difference.is_explained


@pytest.mark.parametrize(
    ("answers", "outcomes", "reason", "is_explained"),
    [
        ([answered(source=Origin.IMPORT)], RESPONSE, Reason.IMPORTED, True),
        # the store has it in another month, so it is not among this month's answers
        ([], {"a": "late_change"}, Reason.NOT_COUNTED, True),
        ([], RESPONSE, Reason.OTHER_TIME, False),
        ([], {}, Reason.UNKNOWN, False),
    ],
)
def test_why_posthog_has_what_the_store_does_not_expect(answers, outcomes, reason, is_explained):
    difference = only_difference(answers, outcomes, [event()])
    assert (difference.side, difference.reason) == (Side.ONLY_AT_POSTHOG, reason)
    assert difference.is_explained is is_explained


@pytest.mark.parametrize(
    ("answers", "outcomes"),
    [
        ([delivered(LONG_AGO)], RESPONSE),
        ([waiting()], RESPONSE),  # accepted, but the acknowledgement was lost
        ([answered(dead_at=LONG_AGO, reason="x")], RESPONSE),
    ],
)
def test_what_both_have_is_no_difference(answers, outcomes):
    result = compare(answers, outcomes, [event()], AS_OF, RETENTION)
    assert result.differences == ()
    assert (result.expected, result.at_posthog, result.in_both) == (1, 1, 1)


@pytest.mark.parametrize(
    ("answer", "outcomes"),
    [
        (waiting(), {"a": "void"}),
        (answered(), {"a": "other_person"}),
        (answered(source=Origin.IMPORT), RESPONSE),
        (waiting(), {}),  # it came after the outcomes were read
    ],
)
def test_nobody_expects_at_posthog_what_does_not_count_or_was_imported(answer, outcomes):
    result = compare([answer], outcomes, [], AS_OF, RETENTION)
    assert (result.expected, result.differences) == (0, ())


def test_copies_of_an_event_are_one():
    result = compare([delivered(LONG_AGO)], RESPONSE, [event(), event(), event()], AS_OF, RETENTION)
    assert (result.at_posthog, result.in_both, result.differences) == (1, 1, ())


def test_the_sums_tie_and_differences_stand_in_the_order_of_time():
    hour = timedelta(hours=1)
    answers = [
        waiting(uuid="late", at=AS_OF - hour),
        delivered(LONG_AGO, uuid="dropped", at=AS_OF - 3 * hour),
        delivered(LONG_AGO, uuid="both"),
        delivered(LONG_AGO, uuid="void"),
    ]
    outcomes = {"late": "edit", "dropped": "response", "both": "response", "void": "void"}
    events = [event("both"), event("void", AS_OF - 2 * hour), event("alien", AS_OF - 3 * hour)]
    result = compare(answers, outcomes, events, AS_OF, RETENTION)
    assert [each.uuid for each in result.differences] == ["alien", "dropped", "void", "late"]
    assert [each.uuid for each in result.unexplained] == ["alien", "dropped"]
    by_side = [
        sum(each.side is side for each in result.differences)
        for side in (Side.NOT_AT_POSTHOG, Side.ONLY_AT_POSTHOG)
    ]
    assert (result.expected, result.at_posthog, result.in_both) == (3, 3, 1)
    assert by_side == [result.expected - result.in_both, result.at_posthog - result.in_both]
