"""What an answer by v1 means for each event."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.delivery.answer_v1 import (
    DROPPED_BY_QUOTA,
    RefusedDistinctId,
    judge_error,
    read_verdicts,
)
from survey.delivery.failures import FailureKind


def body_of(results):
    return json.dumps({"results": results}).encode()


def verdict(result, details=None):
    shown = {"result": result} if details is None else {"result": result, "details": details}
    (found,) = read_verdicts(body_of({"a": shown}), ["a"])
    return found


@pytest.mark.parametrize(
    ("result", "details"),
    [("ok", None), ("warning", "person_processing_disabled"), ("ok", "person_processing_disabled")],
)
def test_these_are_accepted(result, details):
    assert verdict(result, details) is None


@pytest.mark.parametrize(
    ("result", "details"),
    [
        ("drop", "billing_limit_exceeded"),
        ("drop", "survey_responses_over_quota"),
        ("drop", "over_quota"),
        ("limited", None),
    ],
)
def test_these_were_dropped_for_the_quota(result, details):
    found = verdict(result, details)
    assert (found.kind, found.reason) == (FailureKind.OVER_QUOTA, DROPPED_BY_QUOTA)


@pytest.mark.parametrize("details", ["event_restriction_drop", "event_too_big", "rejected"])
def test_these_can_never_be_accepted_and_posthogs_word_is_told(details):
    found = verdict("drop", details)
    assert found.kind is FailureKind.REJECTED
    assert found.reason == f"PostHog dropped the event ({details})"


@pytest.mark.parametrize("details", ["misrouted_event", "non_historical_import_drop"])
def test_these_need_another_host(details):
    found = verdict("drop", details)
    assert found.kind is FailureKind.NEEDS_OPERATOR
    assert found.reason.endswith("check CSAT_POSTHOG_HOST")


@pytest.mark.parametrize("details", ["malformed_distinct_id", "distinct_id_too_large"])
def test_these_are_refused_for_their_distinct_id_alone(details):
    assert isinstance(verdict("drop", details), RefusedDistinctId)


def test_words_that_are_not_posthogs_are_kept_out_of_the_log():
    found = verdict("drop", "words of\x1b a customer")
    assert found.reason == "PostHog dropped the event"
    assert found.error_message == "words of? a customer"


def test_what_posthog_asks_for_again_is_sent_again():
    found = verdict("retry", "not_persisted")
    assert (found.kind, found.error_message) == (FailureKind.TRANSIENT, "not_persisted")


def test_what_the_answer_leaves_out_is_sent_again_though_the_package_takes_it_for_accepted():
    first, second = read_verdicts(body_of({"b": {"result": "ok"}}), ["a", "b"])
    assert (first.kind, second) == (FailureKind.TRANSIENT, None)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b'{"status": 1}',
        b'{"results": []}',
        b'{"results": {}}',
        b'{"results": {"b": {"result": "ok"}}}',
        b'{"results": {"a": "ok"}}',
        b'{"results": {"a": {"result": "perhaps"}}}',
        b'{"results": {"a": {"result": ["ok"]}}}',
    ],
)
def test_these_are_no_answers_of_v1(body):
    assert read_verdicts(body, ["a"]) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["ok", "drop", "retry", "x"]),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["results", "a", "b", "result", "details", "error"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)


@given(JSON, st.sampled_from([200, 302, 400, 401, 404, 413, 429, 500, 501, 503]))
def test_nothing_is_accepted_but_by_posthogs_word_whatever_a_host_answers(answer, status):
    body = json.dumps(answer).encode()
    for uuid, found in zip(["a", "b"], read_verdicts(body, ["a", "b"]) or [], strict=False):
        if found is None:
            assert answer["results"][uuid]["result"] in ("ok", "warning")
    judged = judge_error(status, body, None)
    assert judged is None or judged.reason


def error(tag):
    return json.dumps({"error": tag, "error_description": "in words", "error_uri": "x"}).encode()


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (429, error("billing_limit_exceeded"), FailureKind.OVER_QUOTA),
        (429, error("rate_limited"), FailureKind.TRANSIENT),
        (429, b"", FailureKind.TRANSIENT),
        (408, error("request_timeout"), FailureKind.TRANSIENT),
        (503, b"<html>", FailureKind.TRANSIENT),
        (401, error("invalid_api_token"), FailureKind.NEEDS_OPERATOR),
        (400, error("duplicate_event_uuid"), FailureKind.REJECTED),
        (413, error("payload_too_large"), FailureKind.REJECTED),
    ],
)
def test_these_are_said_of_the_whole_batch(status, body, kind):
    assert judge_error(status, body, 7.0).kind is kind


def test_posthogs_words_and_its_wish_for_a_pause_are_kept():
    found = judge_error(429, error("rate_limited"), 7.0)
    assert (found.error_message, found.retry_after) == ("in words", 7.0)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, b""),
        (405, b""),
        (501, b""),
        (302, b""),
        (201, b""),
        (403, b"<html>"),
        (400, b"no"),
        (400, error("missing_required_headers")),
        (415, error("unsupported_content_type")),
    ],
)
def test_these_say_that_our_v1_is_not_offered(status, body):
    assert judge_error(status, body, None) is None
