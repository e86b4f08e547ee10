"""Delivery by v1 over real HTTP: what each event gets, and when the batch call is used instead."""

import json
from uuid import UUID

import pytest

from demo.behaviour import ACCEPT, answer, garbage, hang
from demo.standin_v1 import QuotaAnswer
from survey.delivery.failures import DeliveryError, FailureKind
from survey.delivery.protocols import FAILURES, NOT_OFFERED_SECONDS
from survey.delivery.sender import PostHogSender


class Seconds:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def seconds():
    return Seconds()


@pytest.fixture
def sender(posthog, seconds):
    sender = PostHogSender(posthog.url, "phc_test", seconds)
    yield sender
    sender.close()


def payload(number, distinct_id="jane"):
    return json.dumps(
        {
            "event": "survey sent",
            "distinct_id": distinct_id,
            "uuid": str(UUID(int=number)),
            "timestamp": "2026-10-14T09:30:00.123456+00:00",
            "properties": {"ticketId": str(number)},
        }
    )


def numbers(events):
    return [int(event["properties"]["ticketId"]) for event in events]


def by_number(results):
    return lambda event: results.get(int(event["properties"]["ticketId"]))


def was_by_v1(posthog):
    """Whether the last batch came by v1: of its header PostHog makes a property."""
    return "$lib_version" in posthog.requests[-1]["batch"][0]["properties"]


def test_each_event_gets_what_posthog_says_of_it(sender, posthog):
    results = {
        1: ("warning", "person_processing_disabled"),
        2: ("drop", "billing_limit_exceeded"),
        3: ("drop", "event_too_big"),
        4: ("retry", "not_persisted"),
        5: ("", None),
    }
    posthog.v1.decide(by_number(results))
    accepted, warned, *others = sender.send([payload(number) for number in range(6)])
    assert (accepted, warned) == (None, None)
    assert [verdict.kind for verdict in others] == [
        FailureKind.OVER_QUOTA,
        FailureKind.REJECTED,
        FailureKind.TRANSIENT,
        FailureKind.TRANSIENT,
    ]
    assert numbers(posthog.events) == [0, 1]
    assert posthog.attempts == 1


@pytest.mark.parametrize("told", QuotaAnswer)
def test_a_quota_is_told_in_either_way(sender, posthog, told):
    posthog.v1.quota = told
    try:
        (verdict,) = sender.send([payload(1)])
    except DeliveryError as error:
        verdict = error
    assert verdict.kind is FailureKind.OVER_QUOTA


@pytest.mark.parametrize("distinct_id", ["0", "null", "Anonymous", "ü" * 101, "x" * 201])
def test_what_v1_refuses_for_its_distinct_id_alone_goes_by_the_batch_call(
    sender, posthog, distinct_id
):
    assert sender.send([payload(1), payload(2, distinct_id), payload(3)]) == [None] * 3
    assert [numbers(request["batch"]) for request in posthog.requests] == [[1, 3], [2]]
    assert sender.send([payload(4)]) == [None]
    assert was_by_v1(posthog)


def test_such_an_event_waits_while_others_are_dropped_for_the_quota(sender, posthog):
    posthog.v1.quota = QuotaAnswer.FOR_EACH
    dropped, refused = sender.send([payload(1), payload(2, "null")])
    assert (dropped.kind, refused.kind) == (FailureKind.OVER_QUOTA, FailureKind.TRANSIENT)
    assert sender.probe(payload(2, "null")).kind is FailureKind.TRANSIENT
    assert posthog.attempts == 2  # none by the batch call


def test_the_batch_calls_failure_is_that_of_these_events_and_not_of_the_accepted_ones(
    sender, posthog
):
    for _ in range(2):
        posthog.behave(ACCEPT, times=1)
        posthog.behave(answer(400, "no"), times=1)
    first, second, third = sender.send([payload(1), payload(2, "0"), payload(3, "null")])
    # They are sent again in smaller batches, until the guilty one is alone.
    assert (first, second.kind, third.kind) == (None, *[FailureKind.TRANSIENT] * 2)
    (alone,) = sender.send([payload(2, "0")])
    assert alone.kind is FailureKind.REJECTED


def test_without_v1_the_batch_call_is_used_for_an_hour_and_then_v1_is_tried_again(
    sender, posthog, seconds
):
    posthog.v1.is_offered = False
    assert sender.send([payload(1)]) == [None]
    posthog.v1.is_offered = True
    seconds.now = NOT_OFFERED_SECONDS - 1
    assert sender.send([payload(2)]) == [None]
    assert not was_by_v1(posthog)
    seconds.now += 1
    assert sender.send([payload(3)]) == [None]
    assert was_by_v1(posthog)
    assert numbers(posthog.events) == [1, 2, 3]


@pytest.mark.parametrize(
    "odd",
    [
        garbage(),
        garbage('{"results": {}}'),
        garbage('{"status": 1}'),
        answer(405),
        answer(403, "<html>"),
        answer(302, headers={"Location": "http://[bad"}),
        answer(400, {"error": "missing_required_headers", "error_description": "x"}),
    ],
    ids=["page", "no results", "batch call", "405", "proxy", "redirect", "another v1"],
)
def test_a_host_that_answers_v1_with_nonsense_gets_the_batch_call(sender, posthog, odd):
    posthog.behave(odd, times=1)
    assert sender.send([payload(1)]) == [None]
    assert not was_by_v1(posthog)


def test_nonsense_by_both_protocols_is_not_remembered(sender, posthog):
    posthog.behave(garbage(), times=2)
    with pytest.raises(DeliveryError):
        sender.send([payload(1)])
    assert sender.send([payload(1)]) == [None]
    assert was_by_v1(posthog)


def test_v1_that_fails_alone_holds_up_nothing(sender, posthog):
    posthog.behave(answer(503), times=FAILURES)
    for _ in range(FAILURES):
        with pytest.raises(DeliveryError):
            sender.send([payload(1)])
    assert sender.send([payload(1)]) == [None]
    assert not was_by_v1(posthog)


def test_both_requests_together_end_within_the_deadline(sender, posthog, monkeypatch):
    monkeypatch.setattr("survey.delivery.session.DEADLINE_SECONDS", 0.6)
    posthog.v1.is_offered = False
    posthog.behave(hang())
    with pytest.raises(DeliveryError) as raised:
        sender.send([payload(1)])
    assert raised.value.kind is FailureKind.TRANSIENT
    posthog.behave(ACCEPT)
    assert sender.send([payload(1)]) == [None]  # with a deadline of its own


def test_a_probe_takes_v1s_word_and_no_other(sender, posthog):
    assert sender.probe(payload(1)) is None
    posthog.v1.is_offered = False
    with pytest.raises(DeliveryError) as raised:
        sender.probe(payload(2))
    assert raised.value.kind is FailureKind.TRANSIENT
    assert numbers(posthog.events) == [1]
