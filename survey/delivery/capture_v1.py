"""What is sent to PostHog's v1 protocol, `POST /i/v1/analytics/events`. No network is used here.

PostHog's own package does the same, but it takes an event that the answer leaves out for accepted,
and offers no call that tells about each event. A test compares our events with the package's.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

PATH = "/i/v1/analytics/events"

# PostHog makes the properties `$lib` and `$lib_version` of it.
_SDK_INFO = "csat/1"
_FROM_SDK_INFO = frozenset({"$lib", "$lib_version"})
# These properties are options in v1. If they are set, events of ours hold a boolean there.
_OPTIONS = {
    "$ignore_sent_at": "disable_skew_correction",
    "$process_person_profile": "process_person_profile",
}


def to_v1_event(event: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event of the outbox as v1 takes it."""
    properties = dict(event["properties"])
    options = {
        option: properties.pop(name) for name, option in _OPTIONS.items() if name in properties
    }
    for name in _FROM_SDK_INFO:
        properties.pop(name, None)
    return {
        "event": event["event"],
        "uuid": event["uuid"],
        "distinct_id": event["distinct_id"],
        "timestamp": event["timestamp"],
        "options": options,
        "properties": properties,
    }


def build_body(events: Sequence[Mapping[str, Any]], at: datetime) -> bytes:
    """Return the body of a request that is made at `at`."""
    batch = [to_v1_event(event) for event in events]
    return json.dumps({"created_at": at.isoformat(), "batch": batch}).encode()


def build_headers(at: datetime, request_id: str) -> dict[str, str]:
    """Return the headers that v1 demands, but for the authorization; `request_id` is a uuid. Each
    request is a first attempt of its own: the batch of the next one can hold other events."""
    return {
        "Content-Type": "application/json",
        "User-Agent": _SDK_INFO,
        "PostHog-Sdk-Info": _SDK_INFO,
        "PostHog-Attempt": "1",
        "PostHog-Request-Id": request_id,
        "PostHog-Request-Timestamp": at.isoformat(),
    }
