"""Forwarding: reports are answered by a process of their own, and the survey never waits for it."""

import socket
import threading
import time
from contextlib import contextmanager
from io import BytesIO
from urllib.parse import quote

import pytest
from flask import Flask
from hypothesis import given, settings
from hypothesis import strategies as st

from survey.logs import configure_logs
from survey.request_ids import ENVIRON_KEY
from survey.serving import forwarding
from survey.serving.forwarding import Forwarding
from survey.serving.gateway import HttpResponse
from survey.serving.proxies import trust_proxies
from survey.serving.request_log import RequestLog
from survey.serving.supervisor import CannotListen, bind_unix
from survey.serving.worker import forward_reports, serve_reports
from survey.site.app import create_app
from tests.support.raw_http import Client, seconds_of, served_application
from tests.support.site import wait_until

UNREACHABLE = HttpResponse("503 SERVICE UNAVAILABLE", [("X-Ours", "yes")], b"try again")


def survey(environ, start_response):
    start_response("200 OK", [])
    return [b"survey " + environ["PATH_INFO"].encode("latin-1")]


class Reports:
    """A reports site that remembers what it was told, and answers as it is told."""

    def __init__(self, status="200 OK", headers=(), body=b"reports"):
        self.answer = status, list(headers), body
        self.told = []

    def __call__(self, environ, start_response):
        self.told.append({**environ, "body": environ["wsgi.input"].read()})
        status, headers, body = self.answer
        start_response(status, headers)
        return [body]


@pytest.fixture
def path(tmp_path):
    """Where the worker's socket is, or would be."""
    return tmp_path / "socket"


@contextmanager
def reports_worker(path, application):
    """A reports worker, by the server that real ones run on."""
    server = serve_reports(application, bind_unix(path), [])
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.stop()
        thread.join(20)
        path.unlink()


@contextmanager
def raw_worker(path, answer):
    """A worker that reads a request's first bytes and lets `answer` write to the connection."""

    def run():
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            connection.recv(65536)
            with connection:
                answer(connection)

    with bind_unix(path) as listener:
        threading.Thread(target=run, daemon=True).start()
        yield
        listener.shutdown(socket.SHUT_RDWR)


@contextmanager
def served(path, **options):
    """The survey site, which forwards to the worker's socket; its address."""
    with served_application(Forwarding(survey, str(path), UNREACHABLE), **options) as address:
        yield address


@pytest.fixture(scope="module")
def forwarded(tmp_path_factory):
    """A reports site, and the application that forwards to it."""
    path = tmp_path_factory.mktemp("forwarded") / "socket"
    reports = Reports()
    with reports_worker(path, reports):
        yield reports, Forwarding(survey, str(path), UNREACHABLE)


def ask(address, request):
    return Client(address, request).receive()


GET = b"GET /reports/ HTTP/1.1\r\nHost: a\r\n\r\n"


class TestARequest:
    @pytest.mark.parametrize("target", ["/reports", "/reports/", "/reports/2026-10/teams.csv"])
    def test_for_the_reports_goes_to_their_worker(self, path, target):
        with reports_worker(path, Reports()), served(path) as address:
            got = ask(address, f"GET {target}?a=b HTTP/1.1\r\n\r\n".encode())
        assert (got[0], got[2]) == (200, b"reports")

    @pytest.mark.parametrize("target", ["/", "/reportsx", "/report", "/x/reports/", "/healthz"])
    def test_for_anything_else_stays_with_the_survey(self, path, target):
        reports = Reports()
        with reports_worker(path, reports), served(path) as address:
            got = ask(address, f"GET {target} HTTP/1.1\r\n\r\n".encode())
        assert got[2] == f"survey {target}".encode()
        assert reports.told == []

    def test_arrives_whole(self, path):
        reports = Reports()
        body = b"rating=5&\xff"
        request = (
            b"POST /reports/a%20b/%C3%BC?team=x%26y&q=%C3%BC%FC HTTP/1.1\r\nHost: csat.example\r\n"
            b"Content-Type: application/x-www-form-urlencoded\r\nCookie: session=1; b=2\r\n"
            b"X-Forwarded-Proto: https\r\nContent-Length: 10\r\n\r\n" + body
        )
        with reports_worker(path, reports), served(path) as address:
            ask(address, request)
        (told,) = reports.told
        assert told["REQUEST_METHOD"] == "POST"
        assert told["PATH_INFO"] == "/reports/a b/\u00c3\u00bc"
        assert told["QUERY_STRING"] == "team=x%26y&q=%C3%BC%FC"
        assert told["body"] == body
        assert told["CONTENT_TYPE"] == "application/x-www-form-urlencoded"
        assert told["HTTP_HOST"] == "csat.example"
        assert told["HTTP_COOKIE"] == "session=1; b=2"
        assert told["HTTP_X_FORWARDED_PROTO"] == "https"

    def test_cannot_lie_about_where_it_comes_from(self, path):
        reports = Reports()
        request = b"GET /reports/ HTTP/1.1\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n"
        with reports_worker(path, reports), served(path) as address:
            ask(address, request)
        (told,) = reports.told
        assert told["REMOTE_ADDR"] == "127.0.0.1"
        assert "192.0.2.1" not in str(told)

    def test_takes_its_id_along(self, path):
        reports = Reports()
        request = b"GET /reports/ HTTP/1.1\r\nX-Request-ID: 0123456789abcdef\r\n\r\n"
        with reports_worker(path, reports):
            with served(path) as address:
                ask(address, request)
            with served(path, trusts_request_ids=True) as address:
                ask(address, request)
        own, given = (told[ENVIRON_KEY] for told in reports.told)
        assert (given, len(own)) == ("0123456789abcdef", 16)
        assert own != given

    def test_comes_from_the_client_that_a_trusted_proxy_names(self, path):
        reports = Reports()
        site = Flask("survey")
        site.wsgi_app = Forwarding(survey, str(path), UNREACHABLE)
        trust_proxies(site, 1)
        request = b"GET /reports/ HTTP/1.1\r\nX-Forwarded-For: 192.0.2.9, 192.0.2.1\r\n\r\n"
        with reports_worker(path, reports), served_application(site) as address:
            ask(address, request)
        assert reports.told[0]["REMOTE_ADDR"] == "192.0.2.1"

    def test_leaves_behind_what_concerns_the_connection(self, path):
        reports = Reports()
        request = (
            b"GET /reports/ HTTP/1.1\r\nConnection: keep-alive, X-Hop\r\nX-Hop: 1\r\n"
            b"Keep-Alive: 5\r\nTE: trailers\r\nExpect: 100-continue\r\nX-End: 1\r\n\r\n"
        )
        with reports_worker(path, reports), served(path) as address:
            ask(address, request)
        (told,) = reports.told
        assert told["HTTP_CONNECTION"] == "close"
        assert told["HTTP_X_END"] == "1"
        hops = {"HTTP_X_HOP", "HTTP_KEEP_ALIVE", "HTTP_TE", "HTTP_EXPECT"}
        assert not hops & set(told)

    @settings(max_examples=60, deadline=None)
    @given(st.binary(max_size=30), st.binary(max_size=30), st.binary(max_size=300))
    def test_of_any_bytes_arrives_as_it_is(self, forwarded, path_bytes, query, body):
        reports, application = forwarded
        environ = {
            "REQUEST_METHOD": "PUT",
            "PATH_INFO": "/reports/" + path_bytes.decode("latin-1"),
            "QUERY_STRING": quote(query),
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": BytesIO(body),
        }
        statuses = []
        list(application(environ, lambda status, _headers: statuses.append(status)))
        told = reports.told.pop()
        assert statuses == ["200 OK"]
        for name in ("REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "CONTENT_LENGTH"):
            assert told[name] == environ[name]
        assert told["body"] == body

    def test_is_logged_like_any_other(self, path, capsys):
        configure_logs()
        with (
            reports_worker(path, Reports()),
            served(path, request_log=RequestLog(frozenset())) as address,
        ):
            ask(address, b"GET /reports/2026-10?team=jane HTTP/1.1\r\n\r\n")
        (line,) = capsys.readouterr().err.splitlines()
        assert "info request method='GET' path='/reports/2026-10' status=200 ms=" in line


class TestAnAnswer:
    def test_comes_back_whole(self, path):
        body = bytes(range(256)) * 8_000
        headers = [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2; Path=/reports"), ("X-A", "\xfc")]
        with (
            reports_worker(path, Reports("303 SEE OTHER", headers, body)),
            served(path) as address,
        ):
            client = Client(address, GET.replace(b"Host: a", b"Connection: close"))
            received = b"".join(iter(lambda: client.socket.recv(1 << 20), b""))
        head, _, got = received.partition(b"\r\n\r\n")
        lines = head.split(b"\r\n")
        assert lines[0] == b"HTTP/1.1 303 SEE OTHER"
        assert [line for line in lines if b"Cookie" in line] == [
            b"Set-Cookie: a=1",
            b"Set-Cookie: b=2; Path=/reports",
        ]
        assert b"X-A: \xfc" in lines
        assert got == body
        names = [line.partition(b":")[0] for line in lines]
        for name in (b"Content-Length", b"Connection", b"Date", b"Server"):
            assert names.count(name) == 1

    def test_to_head_tells_the_length_without_the_body(self, path):
        with reports_worker(path, Reports(body=b"12345")), served(path) as address:
            client = Client(address, GET.replace(b"GET", b"HEAD"))
            time.sleep(0.2)
            head, _, body = client.socket.recv(65536).partition(b"\r\n\r\n")
        assert b"Content-Length: 5" in head
        assert body == b""

    @pytest.mark.parametrize("status", ["204 NO CONTENT", "304 NOT MODIFIED"])
    def test_may_have_no_body(self, path, status):
        with reports_worker(path, Reports(status, body=b"")), served(path) as address:
            got = ask(address, GET)
        assert (got[0], got[2]) == (int(status[:3]), b"")

    def test_of_an_application_that_fails_is_the_workers(self, path, capsys):
        configure_logs()

        def fails(_environ, _start_response):
            raise RuntimeError

        with reports_worker(path, fails), served(path) as address:
            got = ask(address, GET)
        assert (got[0], got[2]) == (500, b"The reports did not answer: 500 Internal Server Error\n")


def is_unreachable(got):
    return (got[0], got[1]["X-Ours"], got[2]) == (503, "yes", UNREACHABLE.body)


class TestAWorker:
    @pytest.fixture(autouse=True)
    def logged(self, capsys):
        configure_logs()
        return lambda: capsys.readouterr().err

    def test_that_is_not_there_is_said_to_be_so_at_once(self, path, logged):
        with served(path) as address:
            assert is_unreachable(ask(address, GET))
        assert "reports not reached reason='No such file or directory'" in logged()

    @pytest.mark.parametrize("pause", [0.05, 5.0], ids=["trickles", "is silent"])
    def test_that_takes_too_long_is_given_up_and_holds_up_nobody(self, path, monkeypatch, pause):
        monkeypatch.setattr(forwarding, "LONGEST_SECONDS", 0.5)
        ended = threading.Event()

        def trickle(connection):
            try:
                for byte in b"HTTP/1.1 200 OK\r\n" + 1000 * b"X: y\r\n":
                    if ended.wait(pause):
                        return
                    connection.sendall(bytes([byte]))
            except OSError:
                return

        with raw_worker(path, trickle), served(path, threads=2) as address:
            waiting = [Client(address, GET) for _ in range(5)]
            assert seconds_of(lambda: ask(address, b"GET / HTTP/1.1\r\n\r\n")) < 0.3
            assert all(is_unreachable(client.receive()) for client in waiting)
            ended.set()

    @pytest.mark.parametrize(
        "part",
        [
            b"",
            b"no HTTP at all\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Le",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf of it",
            b"HTTP/1.1 200 OK\r\n\r\nwho knows whether this is all",
        ],
    )
    def test_that_dies_amid_its_answer_makes_no_half_answer(self, path, part):
        with raw_worker(path, lambda connection: connection.sendall(part)), served(path) as address:
            assert is_unreachable(ask(address, GET))

    def test_whose_answer_is_too_large_cannot_fill_the_memory(self, path, monkeypatch, logged):
        monkeypatch.setattr(forwarding, "MAX_ANSWER_BYTES", 10)
        with reports_worker(path, Reports(body=11 * b"x")), served(path) as address:
            assert is_unreachable(ask(address, GET))
        assert "reason='AnswerTooLarge'" in logged()

    def test_is_asked_only_so_much_at_once_and_the_rest_is_told(self, path, monkeypatch):
        monkeypatch.setattr(forwarding, "AT_ONCE", 2)
        monkeypatch.setattr(forwarding, "MAX_WAITING", 3)
        go_on = threading.Event()
        busy, lock = [0, 0], threading.Lock()

        def application(environ, start_response):
            with lock:
                busy[0] += 1
                busy[1] = max(busy)
            go_on.wait(20)
            with lock:
                busy[0] -= 1
            return survey(environ, start_response)

        with reports_worker(path, application), served(path) as address:
            first = [Client(address, GET) for _ in range(2)]
            wait_until(lambda: busy[0] == 2)
            rest = [Client(address, GET) for _ in range(3)]
            time.sleep(0.3)
            assert is_unreachable(ask(address, GET))
            go_on.set()
            assert [client.receive()[0] for client in first + rest] == 5 * [200]
        assert busy == [0, 2]


def test_who_asks_for_reports_in_vain_gets_a_page_like_all_others(tmp_path, settings, database):
    site = create_app(settings, database)
    forward_reports(site, str(tmp_path / "nowhere"))
    page = site.test_client().get("/reports/2026-10")
    assert page.status_code == 503
    assert "<h1>The reports cannot be reached now</h1>" in page.text
    assert "try again" in page.text
    assert set(site.page_headers) <= set(page.headers)
    assert "Content-Security-Policy" in page.headers


def test_without_a_worker_there_are_no_reports(client):
    page = client.get("/reports/")
    assert (page.status_code, "There is nothing here" in page.text) == (404, True)


def test_a_socket_that_cannot_be_is_named_with_what_to_do(tmp_path):
    path = tmp_path / (200 * "x")
    with pytest.raises(CannotListen, match=f"cannot listen on {path}: .*--no-reports"):
        bind_unix(path)
