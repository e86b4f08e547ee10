"""What is sent by v1 is what PostHog's own package would send."""

import json
from datetime import UTC, datetime

import posthog.capture_v1
from hypothesis import given, settings
from hypothesis import strategies as st

from survey.delivery.capture_v1 import PATH, build_body, build_headers, to_v1_event

NOON = datetime(2026, 10, 14, 12, tzinfo=UTC)
VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.lists(st.text())
NAMES = st.sampled_from(["rating", "ticketId", "$lib", "$lib_version", "$survey_questions"])
FLAGS = st.sampled_from(["$ignore_sent_at", "$process_person_profile"])
EVENTS = st.builds(
    lambda distinct_id, properties, flags: {
        "event": "survey sent",
        "uuid": "01890000-0000-7000-8000-000000000001",
        "distinct_id": distinct_id,
        "timestamp": "2026-10-14T09:30:00.123456+00:00",
        "properties": {**properties, **flags},
    },
    st.text(max_size=5),
    st.dictionaries(NAMES, VALUES),
    st.dictionaries(FLAGS, st.booleans()),
)


@settings(max_examples=50)
@given(EVENTS)
def test_an_event_is_what_the_package_makes_of_it(event):
    given_before = json.dumps(event)
    assert to_v1_event(event) == posthog.capture_v1._to_v1_event(event)
    assert json.dumps(event) == given_before


@settings(max_examples=20)
@given(st.lists(EVENTS, max_size=3))
def test_a_body_is_what_the_package_makes_of_it(events):
    ours = json.loads(build_body(events, NOON))
    batch = [posthog.capture_v1._to_v1_event(event) for event in events]
    assert ours == posthog.capture_v1._build_v1_batch_body(batch, created_at=NOON.isoformat())


def test_path_and_headers_are_the_packages():
    asked = {}

    class Session:
        def post(self, url, data, headers, timeout):
            asked.update(url=url, headers=headers)

    posthog.capture_v1._post_v1(
        "phc_test", "http://host", {}, attempt=1, request_id="x", session=Session()
    )
    assert asked["url"] == f"http://host{PATH}"
    assert set(build_headers(NOON, "x")) | {"Authorization"} == set(asked["headers"])
