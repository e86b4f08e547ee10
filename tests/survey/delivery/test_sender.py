"""What PostHog may answer, over real HTTP, and what each answer means for the batch."""

import inspect
import json
from time import monotonic

import posthog.request
import pytest

from demo.behaviour import (
    ACCEPT,
    accept_then_reset,
    answer,
    garbage,
    hang,
    redirect,
    reset,
    slowly,
    truncate,
)
from demo.processes import free_port
from survey.delivery.failures import DeliveryError, FailureKind
from survey.delivery.sender import PostHogSender

EVENT = {
    "event": "survey sent",
    "distinct_id": "jane",
    "uuid": "01890000-0000-7000-8000-000000000001",
    "timestamp": "2026-10-14T09:30:00.123456+00:00",
    "properties": {
        **{"$survey_id": "s", "rating": 4, "$lib": "csat"},
        **{"$ignore_sent_at": True, "$process_person_profile": False},
    },
}
PAYLOAD = json.dumps(EVENT)


@pytest.fixture(params=["v1", "batch call"])
def sender(posthog, request):
    """By either protocol; what is told of one holds for the other."""
    posthog.v1.is_offered = request.param == "v1"
    sender = PostHogSender(posthog.url, "phc_test")
    yield sender
    sender.close()


def refusal(sender) -> DeliveryError:
    with pytest.raises(DeliveryError) as raised:
        sender.send([PAYLOAD])
    return raised.value


def test_an_accepted_batch_arrives_as_it_was_stored(sender, posthog):
    other = json.dumps({**EVENT, "uuid": "01890000-0000-7000-8000-000000000002"})
    assert sender.send([PAYLOAD, other.replace("jane", "joe")]) == [None, None]
    (request,) = posthog.requests
    assert request["api_key"] == "phc_test"
    first, second = request["batch"]
    # PostHog makes this property of a header of v1.
    first["properties"].pop("$lib_version", None)
    assert first == EVENT
    assert second["distinct_id"] == "joe"


@pytest.mark.parametrize("status", [201, 204, 408, 429, 500, 502, 503])
def test_these_may_pass_with_time(sender, posthog, status):
    posthog.behave(answer(status))
    error = refusal(sender)
    assert error.kind is FailureKind.TRANSIENT
    assert str(status) in error.reason


@pytest.mark.parametrize("status", [401, 403, 404])
def test_these_need_the_operator(sender, posthog, status):
    posthog.behave(answer(status, {"detail": "no such key"}))
    error = refusal(sender)
    assert error.kind is FailureKind.NEEDS_OPERATOR
    assert "no such key" in error.error_message


@pytest.mark.parametrize("status", [400, 413])
def test_these_are_the_fault_of_an_event_in_the_batch(sender, posthog, status):
    posthog.behave(answer(status, "event without a name"))
    error = refusal(sender)
    assert error.kind is FailureKind.REJECTED
    assert "event without a name" in error.error_message


def test_a_redirect_is_not_followed_to_a_200_that_means_nothing(sender, posthog):
    posthog.behave(redirect())
    assert refusal(sender).kind is FailureKind.NEEDS_OPERATOR


@pytest.mark.parametrize("body", ["", "ok", "[]", "{}", '{"status": 0}', '"Ok"', "null"])
def test_a_200_that_does_not_say_ok_is_not_acceptance(sender, posthog, body):
    posthog.behave(garbage(body))
    assert refusal(sender).kind is FailureKind.TRANSIENT


def test_the_words_of_posthog_itself_are_acceptance(sender, posthog):
    posthog.behave(answer(200, {"status": "Ok"}))
    assert sender.send([PAYLOAD]) == [None]


@pytest.mark.parametrize(
    "behaviour", [reset(), accept_then_reset(), truncate()], ids=["reset", "late", "truncated"]
)
def test_a_broken_connection_may_pass_with_time(sender, posthog, behaviour):
    posthog.behave(behaviour)
    assert refusal(sender).kind is FailureKind.TRANSIENT


def test_silence_ends_after_the_timeout(sender, posthog, monkeypatch):
    monkeypatch.setattr("survey.delivery.session.DEADLINE_SECONDS", 0.3)
    posthog.behave(hang())
    assert refusal(sender).kind is FailureKind.TRANSIENT


def test_a_byte_now_and_then_does_not_keep_a_request_alive(sender, posthog, monkeypatch):
    monkeypatch.setattr("survey.delivery.session.DEADLINE_SECONDS", 0.5)
    posthog.behave(slowly(0.1))  # each read is quick, the whole answer would take 10 s
    began = monotonic()
    assert refusal(sender).kind is FailureKind.TRANSIENT
    assert monotonic() - began < 3
    posthog.behave(ACCEPT)
    sender.send([PAYLOAD])  # on a new connection


def test_nobody_listening_may_pass_with_time():
    sender = PostHogSender(f"http://127.0.0.1:{free_port()}", "phc_test")
    error = refusal(sender)
    assert error.kind is FailureKind.TRANSIENT
    assert "cannot be reached" in error.reason


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), (None, None), ("nan", None)])
def test_posthogs_own_wish_for_a_pause_is_kept(sender, posthog, header, seconds):
    posthog.behave(answer(429, headers={"Retry-After": header} if header else {}))
    assert refusal(sender).retry_after == seconds


@pytest.mark.parametrize("body", ["[1, 2]", '"no"'])
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (503, FailureKind.TRANSIENT),
        (400, FailureKind.REJECTED),
        (401, FailureKind.NEEDS_OPERATOR),
    ],
)
def test_an_error_whose_body_is_no_object_is_an_error_like_any_other(
    sender, posthog, body, status, kind
):
    posthog.behave(answer(status, body))
    assert refusal(sender).kind is kind


def test_an_error_that_repeats_the_event_is_kept_out_of_the_log(sender, posthog):
    posthog.behave(answer(400, {"detail": f"invalid event: {PAYLOAD}"}))
    error = refusal(sender)
    assert error.reason == str(error) == "PostHog answered 400"
    assert "jane" in error.error_message
    assert len(error.error_message) < 400


def test_an_address_that_cannot_be_one_needs_the_operator():
    sender = PostHogSender(f"http://{'x' * 64}.example.com", "phc_test")
    assert refusal(sender).kind is FailureKind.NEEDS_OPERATOR


def test_the_package_still_has_the_call_that_we_use():
    """`batch_post` is in the package's public API, but not in its documentation."""
    parameters = inspect.signature(posthog.request.batch_post).parameters
    assert list(parameters)[:4] == ["api_key", "host", "gzip", "timeout"]
    assert "session" in inspect.signature(posthog.request.post).parameters
