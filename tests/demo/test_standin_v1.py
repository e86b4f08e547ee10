"""The stand-in's v1 endpoint: PostHog's own package is content with it, and it refuses as PostHog
does."""

import json
from queue import Queue
from typing import Any
from uuid import UUID, uuid4

import pytest
import requests
from posthog.capture_mode import CaptureMode
from posthog.capture_v1 import CaptureV1Error
from posthog.consumer import Consumer

from demo.standin import PostHogStandIn
from demo.standin_v1 import V1_PATH, QuotaAnswer

HEADERS = {
    "Authorization": "Bearer phc_test",
    "Content-Type": "application/json",
    "User-Agent": "tests/1",
    "PostHog-Sdk-Info": "tests/1",
    "PostHog-Attempt": "1",
    "PostHog-Request-Id": str(uuid4()),
    "PostHog-Request-Timestamp": "2026-10-14T09:30:01Z",
}
UUID_1, UUID_2 = str(UUID(int=1)), str(UUID(int=2))


def event(uuid: str = UUID_1, **changed: Any) -> dict[str, Any]:
    return {
        "event": "survey sent",
        "uuid": uuid,
        "distinct_id": "jane",
        "timestamp": "2026-10-14T09:30:00.123456+00:00",
        "options": {"disable_skew_correction": True, "process_person_profile": False},
        "properties": {"ticketId": "42"},
        **changed,
    }


def post(
    standin: PostHogStandIn, *events: dict[str, Any], headers: dict[str, Any] | None = None
) -> requests.Response:
    return requests.post(
        f"{standin.url}{V1_PATH}",
        data=json.dumps({"created_at": "2026-10-14T09:30:01Z", "batch": events}),
        headers={**HEADERS, **(headers or {})},
        timeout=5,
    )


def results(response: requests.Response) -> dict[str, Any]:
    assert response.status_code == 200
    return dict(response.json()["results"])


def test_takes_events_and_shows_options_as_the_properties_that_posthog_makes(
    posthog: PostHogStandIn,
) -> None:
    assert results(post(posthog, event())) == {UUID_1: {"result": "ok"}}
    (stored,) = posthog.events
    assert stored["properties"] == {
        **{"ticketId": "42", "$ignore_sent_at": True, "$process_person_profile": False},
        **{"$lib": "tests", "$lib_version": "1"},
    }
    assert posthog.requests[0]["api_key"] == "phc_test"


def consumer(standin: PostHogStandIn) -> Consumer:
    return Consumer(Queue(), "phc_test", host=standin.url, retries=0, capture_mode=CaptureMode.V1)


def test_posthogs_own_package_delivers_to_it(posthog: PostHogStandIn) -> None:
    message = {key: value for key, value in event().items() if key != "options"}
    consumer(posthog).request([message])
    assert [each["uuid"] for each in posthog.events] == [UUID_1]


def test_posthogs_own_package_hears_of_drops(posthog: PostHogStandIn) -> None:
    posthog.v1.quota = QuotaAnswer.FOR_EACH
    with pytest.raises(CaptureV1Error) as raised:
        consumer(posthog).request([event()])
    assert raised.value.drops == [(UUID_1, "billing_limit_exceeded")]
    posthog.v1.quota = QuotaAnswer.FOR_ALL
    with pytest.raises(CaptureV1Error) as raised:
        consumer(posthog).request([event()])
    assert raised.value.status == 429


def test_over_its_quota_it_drops_batches_without_a_word(posthog: PostHogStandIn) -> None:
    posthog.v1.quota = QuotaAnswer.FOR_EACH
    body = {"api_key": "phc_test", "batch": [event()]}
    assert requests.post(f"{posthog.url}/batch/", json=body, timeout=5).status_code == 200
    assert posthog.events == []


@pytest.mark.parametrize(
    ("changed", "details"),
    [
        ({"distinct_id": "null"}, "malformed_distinct_id"),
        ({"distinct_id": " GUEST "}, "malformed_distinct_id"),
        ({"distinct_id": "ü" * 101}, "distinct_id_too_large"),
        ({"distinct_id": " "}, "missing_distinct_id"),
        ({"event": ""}, "missing_event_name"),
        ({"timestamp": "2026-10-14T09:30:00"}, "invalid_event_timestamp"),
        ({"options": {"disable_skew_correction": "perhaps"}}, "invalid_options"),
        ({"properties": []}, "malformed_event_properties"),
    ],
)
def test_drops_one_event_and_takes_the_other(
    posthog: PostHogStandIn, changed: dict[str, Any], details: str
) -> None:
    found = results(post(posthog, event(UUID_1, **changed), event(UUID_2)))
    assert found == {UUID_1: {"result": "drop", "details": details}, UUID_2: {"result": "ok"}}
    assert [each["uuid"] for each in posthog.events] == [UUID_2]


@pytest.mark.parametrize(
    ("events", "error"),
    [
        ((event(), event()), "duplicate_event_uuid"),
        ((event("no uuid"),), "invalid_event_uuid"),
        ((), "empty_batch"),
        ((event(distinct_id=5),), "request_parsing_error"),
        (({},), "request_parsing_error"),
    ],
)
def test_refuses_the_whole_batch(
    posthog: PostHogStandIn, events: tuple[dict[str, Any], ...], error: str
) -> None:
    response = post(posthog, *events)
    assert (response.status_code, response.json()["error"]) == (400, error)
    assert posthog.events == []


@pytest.mark.parametrize(
    ("headers", "status", "error"),
    [
        ({"Authorization": None}, 401, "missing_authorization"),
        ({"Authorization": "Bearer phx_personal"}, 401, "invalid_api_token"),
        ({"Authorization": "Basic x"}, 400, "invalid_header_value"),
        ({"PostHog-Attempt": None}, 400, "missing_required_headers"),
        ({"PostHog-Request-Id": "x"}, 400, "invalid_header_value"),
        ({"PostHog-Request-Timestamp": "noon"}, 400, "invalid_header_value"),
        ({"Content-Type": "text/plain"}, 415, "unsupported_content_type"),
    ],
)
def test_refuses_headers(
    posthog: PostHogStandIn, headers: dict[str, Any], status: int, error: str
) -> None:
    response = post(posthog, event(), headers=headers)
    assert (response.status_code, response.json()["error"]) == (status, error)


def test_without_v1_there_is_nothing_at_its_address(posthog: PostHogStandIn) -> None:
    posthog.v1.is_offered = False
    assert post(posthog, event()).status_code == 404
    assert posthog.attempts == 0
