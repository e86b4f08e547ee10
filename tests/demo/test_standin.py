"""The stand-in for PostHog over real HTTP: what it accepts, how it fails, what it shows."""

import gzip
import json
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from demo.behaviour import (
    accept_then_reset,
    answer,
    garbage,
    hang,
    redirect,
    reset,
    slowly,
    truncate,
)
from demo.overview import LEAD, Entry
from demo.standin import PostHogStandIn


@pytest.fixture
def standin() -> Iterator[PostHogStandIn]:
    with PostHogStandIn() as running:
        yield running


def event(uuid: str = "u1", **changed: Any) -> dict[str, Any]:
    properties = {"ticketId": "42", "team": "surveys", "$survey_response": "4"}
    return {
        "event": "survey sent",
        "uuid": uuid,
        "distinct_id": "jane",
        "timestamp": "2026-10-14T09:30:00.123456+00:00",
        "properties": properties,
        **changed,
    }


def post(
    standin: PostHogStandIn, *events: dict[str, Any], key: str = "phc_test", timeout: float = 5
) -> requests.Response:
    body = {"api_key": key, "sent_at": "2026-10-14T09:30:01Z", "batch": list(events or [event()])}
    return requests.post(f"{standin.url}/batch/", json=body, timeout=timeout, allow_redirects=False)


def test_accepts_and_records_a_batch_in_order(standin: PostHogStandIn) -> None:
    response = post(standin, event("a"), event("b"))
    assert (response.status_code, response.json()) == (200, {"status": 1})
    post(standin, event("a"))
    assert [e["uuid"] for e in standin.events] == ["a", "b", "a"]
    assert [e["uuid"] for e in standin.submissions()] == ["a", "b"]
    assert standin.requests[0]["api_key"] == "phc_test"
    assert standin.requests[0]["sent_at"] == "2026-10-14T09:30:01Z"


def test_reads_a_compressed_batch(standin: PostHogStandIn) -> None:
    body = gzip.compress(json.dumps({"api_key": "k", "batch": [event()]}).encode())
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    response = requests.post(f"{standin.url}/batch/", data=body, headers=headers, timeout=5)
    assert response.status_code == 200
    assert len(standin.events) == 1


@pytest.mark.parametrize("key", ["", "  "])
def test_answers_401_without_a_key(standin: PostHogStandIn, key: str) -> None:
    assert post(standin, key=key).status_code == 401
    assert standin.events == []


@pytest.mark.parametrize("missing", ["event", "distinct_id"])
def test_one_incomplete_event_refuses_the_batch(standin: PostHogStandIn, missing: str) -> None:
    response = post(standin, event("a"), event("b", **{missing: ""}))
    assert response.status_code == 400
    assert missing.removeprefix("event") in response.json()["detail"]
    assert (standin.events, standin.attempts) == ([], 1)


@pytest.mark.parametrize("body", [b"", b"not json", b"[]", b'{"api_key": "k"}'])
def test_answers_400_to_what_is_no_batch(standin: PostHogStandIn, body: bytes) -> None:
    assert requests.post(f"{standin.url}/batch/", data=body, timeout=5).status_code == 400


@pytest.mark.parametrize("status", [201, 204, 400, 401, 413, 429, 503])
def test_answers_a_status_as_often_as_told(standin: PostHogStandIn, status: int) -> None:
    standin.behave(answer(status, {"detail": "no"}, {"Retry-After": "7"}), times=2)
    for _ in range(2):
        response = post(standin)
        assert (response.status_code, response.headers["Retry-After"]) == (status, "7")
    assert standin.events == []
    assert post(standin).status_code == 200
    assert (len(standin.events), standin.attempts) == (1, 3)


def test_behaviours_queue_up_and_a_lasting_one_replaces_them(standin: PostHogStandIn) -> None:
    standin.behave(answer(500))
    standin.behave(answer(503), times=1)
    standin.behave(answer(429), times=1)
    assert [post(standin).status_code for _ in range(4)] == [503, 429, 500, 500]


def test_hangs_until_released(standin: PostHogStandIn) -> None:
    standin.behave(hang(), times=2)
    with pytest.raises(requests.Timeout):
        post(standin, timeout=0.2)
    threading.Timer(0.2, standin.release).start()
    with pytest.raises(requests.ConnectionError):
        post(standin, timeout=5)
    assert standin.events == []
    assert post(standin).status_code == 200


def test_stops_at_once_although_connections_hang_and_idle() -> None:
    standin = PostHogStandIn()
    standin.start()
    standin.behave(hang())
    failures: list[Exception] = []

    def call() -> None:
        try:
            post(standin, timeout=30)
        except requests.ConnectionError as error:
            failures.append(error)

    callers = [threading.Thread(target=call) for _ in range(5)]
    for caller in callers:
        caller.start()
    idle = socket.create_connection(("127.0.0.1", standin.port))
    assert standin.wait_for_attempts(5)
    began = time.monotonic()
    standin.stop()
    assert time.monotonic() - began < 2
    for caller in callers:
        caller.join(5)
    idle.close()
    assert len(failures) == 5


def test_starts_again_on_its_port_with_its_record() -> None:
    standin = PostHogStandIn()
    standin.start()
    post(standin)
    address = standin.url
    standin.stop()
    with pytest.raises(requests.ConnectionError):
        post(standin)
    standin.start()
    post(standin)
    standin.stop()
    assert (standin.url, len(standin.events)) == (address, 2)


def test_resets_the_connection(standin: PostHogStandIn) -> None:
    standin.behave(reset(), times=1)
    with pytest.raises(requests.ConnectionError, match=r"reset|aborted"):
        post(standin)
    assert standin.events == []


def test_accepts_and_then_resets(standin: PostHogStandIn) -> None:
    standin.behave(accept_then_reset(), times=1)
    with pytest.raises(requests.ConnectionError, match=r"reset|aborted"):
        post(standin)
    assert len(standin.events) == 1


def test_redirects_to_what_answers_200_to_a_get(standin: PostHogStandIn) -> None:
    standin.behave(redirect(), times=1)
    response = post(standin)
    assert response.status_code == 302
    followed = requests.get(standin.url + response.headers["Location"], timeout=5)
    assert followed.status_code == 200
    assert standin.events == []


def test_answers_200_with_garbage(standin: PostHogStandIn) -> None:
    standin.behave(garbage(), times=1)
    response = post(standin)
    assert response.status_code == 200
    with pytest.raises(ValueError):
        response.json()
    assert standin.events == []


def test_answers_byte_by_byte(standin: PostHogStandIn) -> None:
    standin.behave(slowly(0.005), times=1)
    began = time.monotonic()
    assert post(standin).json() == {"status": 1}
    assert time.monotonic() - began > 0.3


def test_breaks_an_answer_off(standin: PostHogStandIn) -> None:
    standin.behave(truncate(), times=1)
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        post(standin)
    assert len(standin.events) == 1


def test_refuses_the_events_it_is_told_to(standin: PostHogStandIn) -> None:
    standin.refuse(lambda message: message["uuid"] == "bad")
    assert post(standin, event("good"), event("bad")).status_code == 400
    assert post(standin, event("good")).status_code == 200
    standin.refuse(None)
    assert post(standin, event("bad")).status_code == 200
    assert [e["uuid"] for e in standin.events] == ["good", "bad"]


def test_records_what_arrives_at_the_same_time(standin: PostHogStandIn) -> None:
    callers = [
        threading.Thread(target=post, args=(standin, event(f"u{number}"))) for number in range(20)
    ]
    for caller in callers:
        caller.start()
    assert standin.wait_for_events(20)
    for caller in callers:
        caller.join(5)
    assert len(standin.requests) == 20
    assert not standin.wait_for_events(21, timeout=0.05)


def test_shows_the_events_escaped_newest_first(standin: PostHogStandIn) -> None:
    hostile = "<script>alert(1)</script>"
    post(standin, event("a", distinct_id="first"))
    post(standin, event("b", distinct_id=hostile, properties={"$survey_response_1": hostile}))
    page = requests.get(standin.url, timeout=5)
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "<script" not in page.text
    assert page.text.index("&lt;script&gt;") < page.text.index("first")
    assert "2 events received" in page.text


def test_shows_events_whatever_they_hold(standin: PostHogStandIn) -> None:
    post(standin, event("a", properties=None, timestamp=None), event("b", properties={"team": [1]}))
    assert requests.get(standin.url, timeout=5).status_code == 200


def test_gives_all_events_as_json(standin: PostHogStandIn) -> None:
    post(standin, event("a"))
    assert requests.get(f"{standin.url}/events.json", timeout=5).json() == standin.events


def test_links_web_addresses_and_shows_paths() -> None:
    overview = [
        Entry(LEAD, "A link", "http://127.0.0.1:1/?a=1&b=2"),
        Entry(LEAD, "A file", "file:///tmp/report.html"),
    ]
    with PostHogStandIn(overview=overview) as standin:
        page = requests.get(standin.url, timeout=5).text
    assert 'href="http://127.0.0.1:1/?a=1&amp;b=2"' in page
    assert "file:///tmp/report.html" in page
    assert 'href="file:' not in page


@pytest.fixture
def report_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "report"
    (folder / "2026-10").mkdir(parents=True)
    (folder / "2026-10" / "report.html").write_text("<h1>Öctober</h1>", encoding="utf-8")
    (tmp_path / "secret_key").write_text("secret")
    (folder / "way-out").symlink_to(tmp_path / "secret_key")
    return folder


def test_serves_the_report_folder(report_folder: Path) -> None:
    with PostHogStandIn(report_folder=report_folder) as standin:
        for path in ("/report/2026-10/report.html", "/report/2026-10/"):
            page = requests.get(standin.url + path, timeout=5)
            assert (page.status_code, page.text) == (200, "<h1>Öctober</h1>")
            assert page.headers["Content-Type"] == "text/html; charset=utf-8"


@pytest.mark.parametrize(
    "path",
    [
        "../secret_key",
        "%2e%2e/secret_key",
        "2026-10/../../secret_key",
        "..%2fsecret_key",
        "/etc/passwd",
        "%2fetc/passwd",
        "way-out",
        "missing.csv",
        "%00",
        "",
    ],
)
def test_serves_nothing_outside_the_report_folder(report_folder: Path, path: str) -> None:
    with (
        PostHogStandIn(report_folder=report_folder) as standin,
        socket.create_connection(("127.0.0.1", standin.port), timeout=5) as raw,
    ):
        raw.sendall(f"GET /report/{path} HTTP/1.0\r\n\r\n".encode())
        reply = b"".join(iter(lambda: raw.recv(4096), b""))
    assert b" 404 " in reply.splitlines()[0]
    assert b"secret" not in reply and b"root:" not in reply


def test_says_nothing_on_the_terminal(
    standin: PostHogStandIn, capfd: pytest.CaptureFixture[str]
) -> None:
    post(standin)
    requests.get(f"{standin.url}/missing", timeout=5)
    assert capfd.readouterr() == ("", "")


def test_a_request_for_no_flags_tells_whether_a_key_is_known(standin: PostHogStandIn) -> None:
    standin.unknown_keys.add("phc_unknown")

    def ask(body: object) -> int:
        return requests.post(f"{standin.url}/flags/?v=2", json=body, timeout=5).status_code

    assert ask({"token": "phc_test", "disable_flags": True}) == 200
    assert ask({"token": "phc_unknown", "disable_flags": True}) == 401
    assert ask({}) == ask([]) == 401
    assert (standin.events, standin.attempts) == ([], 0)
