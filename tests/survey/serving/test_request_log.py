"""One line for each request, with nothing of who sent it, and never in anybody's way."""

import io
import json
import os
import re
from datetime import datetime

import pytest
import requests
import structlog

from survey.commands.serve import announce
from survey.logs import configure_logs
from survey.serving.request_log import RequestLog, show_path
from tests.support.pages import LINK
from tests.support.raw_http import Client, served_application
from tests.support.settings import make_settings
from tests.support.site import running_site

PAGES = frozenset({b"/", b"/fails", b"/hedgehogs.json"})
SECRETS = ("jane", "hunter2", "how it was")


def page(environ, start_response):
    status = {"/": "200 OK", "/fails": "500 Oh"}.get(environ["PATH_INFO"], "404 Not Found")
    start_response(status, [])
    return [b"x"]


@pytest.fixture
def asked(capsys):
    """What is logged of some requests."""
    configure_logs()

    def asked(*targets: bytes, method: bytes = b"GET") -> list[str]:
        with served_application(page, RequestLog(PAGES)) as address:
            for target in targets:
                client = Client(address, b"%s %s HTTP/1.1\r\n\r\n" % (method, target))
                client.receive()
        return capsys.readouterr().err.splitlines()

    return asked


def test_a_request_is_a_line_with_method_path_status_and_time(asked):
    lines = asked(b"/?distinct_id=jane&sig=hunter2", b"/fails", b"/nothing/here.html")
    told = [line.split(" ", 3)[1:] for line in lines]
    assert [each[:2] for each in told] == [["info", "request"]] * 3
    # When it was answered, not when that was written.
    times = [datetime.fromisoformat(line.split(" ", 1)[0]) for line in lines]
    assert times == sorted(times)
    assert len(set(times)) == 3
    values = [re.fullmatch(r"(.*) ms=(.*) request_id='([0-9a-f]{16})'", each[2]) for each in told]
    assert [value[1] for value in values] == [
        "method='GET' path='/' status=200",
        "method='GET' path='/fails' status=500",
        "method='GET' path='/...' status=404",
    ]
    assert all(0 <= float(value[2]) < 5_000 for value in values)
    assert len({value[3] for value in values}) == 3


def test_what_is_refused_before_it_has_arrived_is_a_line_too(capsys):
    configure_logs()
    with served_application(page, RequestLog(PAGES)) as address:
        client = Client(address, b"GET / HTTP/1.1\r\nA: " + 40_000 * b"x" + b"\r\n\r\n")
        status, headers, _ = client.receive()
    (line,) = capsys.readouterr().err.splitlines()
    request_id = headers["X-Request-ID"]
    assert line.endswith(f" info request refused status=431 request_id='{request_id}'")
    assert status == 431


def test_who_watches_the_site_makes_no_line(asked):
    assert asked(b"/healthz", b"/readyz?x", b"/metrics", b"/metrics?a=b") == []


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        (b"/", "/"),
        (b"/hedgehogs.json", "/hedgehogs.json"),
        (b"/%3Fdistinct_id=jane", "/..."),
        (b"/;jane@example.com", "/..."),
        (b"/jane", "/..."),
        (b"http://host/jane", "/..."),
        (b"*", "/..."),
        (b"/\xff\r\n", "/..."),
        (b"/reports", "/reports"),
        (b"/reports/2026-10/teams.csv", "/reports/2026-10/teams.csv"),
        (b"/reports/jane@example.com", "/reports/jane..."),
        (b"/reports/" + 200 * b"a", "/reports/" + 99 * "a" + "..."),
    ],
)
def test_a_path_holds_nothing_that_could_be_a_person(path, shown):
    assert show_path(path, PAGES) == shown


def test_the_whole_site_logs_as_json_for_programs(tmp_path):
    settings = {"CSAT_LOG_FORMAT": "json", "CSAT_POSTHOG_KEY": ""}
    with running_site(tmp_path, "--workers", "2", **settings) as site:
        requests.get(site.url, params={**LINK, "sig": "hunter2"}, timeout=5)
        link = {**LINK, "distinct_id": "jane"}
        form = {"rating": "5", "comment": "how it was"}
        requests.post(site.url, params=link, data=form, timeout=5)
        requests.get(f"{site.url}/nothing", timeout=5)
        requests.post(site.url, data=b"x" * 300_000, timeout=5)
    text = (tmp_path / "serve.log").read_text()
    events = [json.loads(line) for line in text.splitlines()]
    start = next(event for event in events if event["event"] == "the survey site starts")
    assert start["workers"] == 2
    assert start["database"] == f"sqlite:///{tmp_path}/csat.db"
    answered = [
        (event["method"], event["path"], event["status"])
        # Each worker writes its lines a little later, so those of two may be out of order.
        for event in sorted(events, key=lambda event: event["timestamp"])
        if event["event"] == "request"
    ]
    assert [each for each in answered if each[1] != "/thanks"] == [
        ("GET", "/", 200),
        ("POST", "/", 303),
        ("GET", "/...", 404),
    ]
    assert ("GET", "/thanks", 200) in answered
    assert not [secret for secret in SECRETS if secret in text]


def test_lines_of_requests_can_be_left_out(tmp_path):
    with running_site(tmp_path, "--no-deliver", CSAT_LOG_REQUESTS="false") as site:
        requests.get(site.url, params=LINK, timeout=5)
    text = (tmp_path / "serve.log").read_text()
    assert "workers=1" in text
    assert "info request" not in text


def test_the_start_names_the_database_without_its_password(capsys):
    configure_logs()
    settings = make_settings(database_url="postgresql://csat:hunter2@db/csat")
    announce(settings, "::1", 8000, 3)
    assert capsys.readouterr().err.endswith(
        "info the survey site starts address='http://[::1]:8000/' "
        "database='postgresql+psycopg://csat:***@db/csat' workers=3\n"
    )


def test_a_reader_that_stops_costs_lines_and_nobody_waits(monkeypatch):
    reading, writing = os.pipe()
    stderr = io.TextIOWrapper(io.FileIO(writing, "w", closefd=False), write_through=True)
    monkeypatch.setattr("sys.stderr", stderr)
    configure_logs()
    log = structlog.get_logger()
    for number in range(3_000):
        log.info("request", path=f"/{number}", filler="x" * 80)
    first = os.read(reading, 1 << 20).splitlines()
    log.info("request", path="/last")
    rest = os.read(reading, 1 << 20).decode().splitlines()
    assert all(line.endswith(b"x'") for line in first)
    assert "/last" in rest[0]
    assert rest[1].endswith(f"warning log lines were lost lines={3_000 - len(first)}")
    os.close(reading)
    log.info("nobody reads")  # and nobody minds
    os.close(writing)


def test_an_event_as_json_has_its_values_and_forges_no_line(capsys):
    configure_logs("json")
    try:
        raise ValueError("several\nlines")
    except ValueError as error:
        structlog.get_logger().error("failed\n", exc_info=error, path=os)
    (line,) = capsys.readouterr().err.splitlines()
    event = json.loads(line)
    assert list(event)[:3] == ["timestamp", "level", "event"]
    assert (event["level"], event["event"]) == ("error", "failed\n")
    assert event["exception"].startswith("ValueError < survey/serving/test_request_log.py:")
