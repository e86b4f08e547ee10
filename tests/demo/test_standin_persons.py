"""The stand-in's persons: who there is, who may delete whom, and when events go."""

from typing import Any

import pytest
import requests

from demo.standin import PostHogStandIn
from demo.standin_access import PERSONAL_KEY, PROJECT_ID


def send(
    posthog: PostHogStandIn, distinct_id: str, name: str = "survey sent", **given: Any
) -> None:
    event = {"event": name, "uuid": f"{distinct_id}-{len(posthog.events)}", "properties": given}
    body = {"api_key": "phc_test", "batch": [{**event, "distinct_id": distinct_id}]}
    assert requests.post(f"{posthog.url}/batch/", json=body, timeout=5).status_code == 200


def ask(
    posthog: PostHogStandIn,
    path: str,
    body: dict[str, Any] | None = None,
    *,
    key: str = PERSONAL_KEY,
    project: str = PROJECT_ID,
) -> requests.Response:
    return requests.request(
        "GET" if body is None else "POST",
        f"{posthog.url}/api/projects/{project}/persons/{path}",
        json=body,
        headers={"Authorization": f"Bearer {key}"},
        timeout=5,
    )


def uuids(posthog: PostHogStandIn, distinct_id: str) -> list[str]:
    found = ask(posthog, f"?distinct_id={distinct_id}").json()["results"]
    return [each["uuid"] for each in found]


def delete(posthog: PostHogStandIn, **given: Any) -> dict[str, Any]:
    done = ask(posthog, "bulk_delete/", {"delete_events": True, **given})
    assert done.status_code == 202, done.text
    answer: dict[str, Any] = done.json()
    return answer


def status(posthog: PostHogStandIn, uuid: str) -> list[str]:
    rows = ask(posthog, f"deletion_status/?status=all&person_uuid={uuid}").json()["results"]
    return [row["status"] for row in rows]


def test_events_make_persons_unless_they_are_personless(posthog):
    send(posthog, "jane")
    send(posthog, "nobody", **{"$process_person_profile": False})
    assert len(uuids(posthog, "jane")) == 1
    assert uuids(posthog, "nobody") == uuids(posthog, "a stranger") == []


def test_an_identified_visitor_is_one_person_with_the_user(posthog):
    send(posthog, "visitor")
    send(posthog, "jane", "$identify", **{"$anon_distinct_id": "visitor"})
    assert uuids(posthog, "jane") == uuids(posthog, "visitor")
    assert delete(posthog, distinct_ids=["visitor"])["persons_found"] == 1
    posthog.persons.delete_events()
    assert posthog.events == []


def test_the_person_goes_at_once_and_the_events_later(posthog):
    send(posthog, "jane")
    send(posthog, "tom")
    (uuid,) = uuids(posthog, "jane")
    assert status(posthog, uuid) == []
    answer = delete(posthog, ids=[uuid])
    assert answer["persons_found"] == answer["persons_queued_for_deletion"] == 1
    assert answer["events_queued_for_deletion"] is True
    assert answer["deletion_errors"] == []
    assert uuids(posthog, "jane") == []
    assert (status(posthog, uuid), len(posthog.events)) == (["pending"], 2)
    # Captured after the request, and of nobody: it stays.
    send(posthog, "jane")
    posthog.persons.delete_events()
    assert status(posthog, uuid) == ["completed"]
    assert [event["distinct_id"] for event in posthog.events] == ["tom", "jane"]
    assert uuids(posthog, "jane") == []
    assert delete(posthog, ids=[uuid])["persons_found"] == 0


def test_without_being_asked_to_it_deletes_no_events(posthog):
    send(posthog, "jane")
    answer = delete(posthog, distinct_ids=["jane"], delete_events=False)
    assert answer["events_queued_for_deletion"] is False
    posthog.persons.delete_events()
    assert len(posthog.events) == 1


def test_a_request_needs_a_key_its_scope_and_the_project(posthog):
    posthog.access.scopes["phx_reader"] = frozenset({"person:read"})
    assert ask(posthog, "", key="phx_wrong").status_code == 401
    assert ask(posthog, "", project="2").status_code == 404
    assert ask(posthog, "", key="phx_reader").status_code == 200
    refused = ask(posthog, "bulk_delete/", {"distinct_ids": ["jane"]}, key="phx_reader")
    assert (refused.status_code, "person:write" in refused.json()["detail"]) == (403, True)


@pytest.mark.parametrize("body", [{}, {"ids": []}, {"distinct_ids": ["x"] * 1001}])
def test_a_request_that_names_nobody_or_too_many_is_refused(posthog, body):
    assert ask(posthog, "bulk_delete/", body).status_code == 400


def test_there_is_nothing_else(posthog):
    assert ask(posthog, "elsewhere/").status_code == 404
