"""The stand-in's Query API: what it refuses, what it cuts off, and in which order it answers."""

from typing import Any

import pytest
import requests

from demo.behaviour import answer, later
from demo.standin import PostHogStandIn
from demo.standin_access import PERSONAL_KEY, PROJECT_ID

ORDER = " ORDER BY timestamp, toString(uuid)"
SELECT = "SELECT toString(uuid) FROM events WHERE event = {event}" + ORDER
SENT = {"event": "survey sent"}


def message(uuid: str, second: int = 0, **changed: Any) -> dict[str, Any]:
    return {
        "event": "survey sent",
        "uuid": uuid,
        "distinct_id": "jane",
        "timestamp": f"2026-10-14T09:30:{second:02}.123456+00:00",
        "properties": {"ticketId": 42},
        **changed,
    }


def send(posthog: PostHogStandIn, *messages: dict[str, Any]) -> None:
    body = {"api_key": "phc_test", "batch": messages}
    assert requests.post(f"{posthog.url}/batch/", json=body, timeout=5).status_code == 200


def ask(
    posthog: PostHogStandIn,
    query: str = SELECT,
    values: dict[str, str] = SENT,
    *,
    project: str = PROJECT_ID,
    key: str | None = PERSONAL_KEY,
    refresh: str = "force_blocking",
) -> requests.Response:
    return requests.post(
        f"{posthog.url}/api/projects/{project}/query/",
        json={
            "query": {"kind": "HogQLQuery", "query": query, "values": values},
            "refresh": refresh,
        },
        headers={"Authorization": f"Bearer {key}"} if key else {},
        timeout=5,
    )


def rows(response: requests.Response) -> list[list[Any]]:
    assert response.status_code == 200, response.text
    found: list[list[Any]] = response.json()["results"]
    return found


def test_answers_in_order_each_uuid_once_and_only_what_was_asked_for(posthog):
    send(posthog, message("b", 2), message("c", 1), message("a", 2), message("b", 2))
    send(posthog, message("x", event="survey shown"))
    assert rows(ask(posthog)) == [["c"], ["a"], ["b"]]


def test_can_still_hold_copies_and_can_have_dropped_an_event(posthog):
    send(posthog, message("a"), message("b"), message("a"))
    posthog.queries.merges = False
    posthog.queries.forget("b")
    assert rows(ask(posthog)) == [["a"], ["a"]]
    assert len(posthog.events) == 3


def test_bare_times_are_in_the_project_s_zone_and_those_converted_in_utc(posthog):
    send(posthog, message("a"))
    query = SELECT.replace(
        "toString(uuid) FROM", "timestamp, toString(toTimeZone(timestamp, 'UTC')) FROM"
    )
    assert rows(ask(posthog, query)) == [
        ["2026-10-14T02:30:00.123456-07:00", "2026-10-14 09:30:00.123456"]
    ]


def test_without_a_limit_there_are_100_rows_and_word_of_more(posthog):
    send(posthog, *(message(f"{number:03}") for number in range(101)))
    found = ask(posthog)
    assert len(rows(found)) == 100
    assert found.json()["hasMore"] is True
    limited = ask(posthog, f"{SELECT} LIMIT 101")
    assert len(rows(limited)) == 101
    assert "hasMore" not in limited.json()


def test_a_limit_is_cut_without_a_word(posthog, monkeypatch):
    monkeypatch.setattr("demo.standin_hogql.MOST_ROWS", 2)
    send(posthog, message("a"), message("b"), message("c"))
    assert rows(ask(posthog, f"{SELECT} LIMIT 99")) == [["a"], ["b"]]


def test_answers_from_its_memory_unless_forced(posthog):
    send(posthog, message("a"))
    assert rows(ask(posthog, refresh="blocking")) == [["a"]]
    send(posthog, message("b", 1))
    remembered = ask(posthog, refresh="blocking")
    assert (rows(remembered), remembered.json()["is_cached"]) == ([["a"]], True)
    assert rows(ask(posthog)) == [["a"], ["b"]]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (f"{SELECT} LIMIT 10 OFFSET 10", "OFFSET is not supported"),
        (f"{SELECT} limit 10 offset 10", "OFFSET is not supported"),
        (SELECT.replace("{event}", "{name}"), "Placeholder {name} is not available"),
        (SELECT.replace("toString(uuid) FROM", "count() FROM"), "does not understand: count()"),
        (SELECT.removesuffix(ORDER), "does not understand"),
        (SELECT.replace("event = ", "event LIKE "), "does not understand: event LIKE"),
        (SELECT.replace("event = {event}", "timestamp > {event}"), "does not compare"),
        (
            SELECT.replace("event = {event}", "timestamp > toDateTime64({event}, 6, 'UTC')"),
            "Cannot parse 'survey sent' as DateTime64",
        ),
    ],
)
def test_refuses_what_posthog_refuses_and_what_it_does_not_understand(posthog, query, words):
    refused = ask(posthog, query)
    assert refused.status_code == 400
    assert words in refused.json()["detail"]


def test_only_the_right_key_may_ask_and_only_about_its_project(posthog):
    assert ask(posthog, key=None).status_code == 401
    assert ask(posthog, key="phx_other").status_code == 401
    assert ask(posthog, project="2").status_code == 404


def test_runs_a_query_in_the_background(posthog):
    send(posthog, message("a"))
    posthog.queries.behave(later(polls=1), times=1)
    taken = ask(posthog)
    assert taken.status_code == 202
    status = taken.json()["query_status"]
    assert status["complete"] is False
    url = f"{posthog.url}/api/projects/{PROJECT_ID}/query/{status['id']}/"
    headers = {"Authorization": f"Bearer {PERSONAL_KEY}"}
    polls = [requests.get(url, headers=headers, timeout=5) for _ in range(2)]
    assert [poll.status_code for poll in polls] == [202, 200]
    assert polls[1].json()["query_status"]["results"]["results"] == [["a"]]
    assert requests.get(url, timeout=5).status_code == 401


def test_batches_and_queries_fail_apart_from_each_other(posthog):
    posthog.queries.behave(answer(503), times=1)
    send(posthog, message("a"))
    assert ask(posthog).status_code == 503
    assert rows(ask(posthog)) == [["a"]]
    assert (len(posthog.queries.asked), posthog.attempts) == (2, 1)
