"""The HTTP server: nobody waits for a slow neighbour, and every request gets an honest answer."""

import selectors
import socket
import threading
import time
from concurrent.futures import Future

import pytest

from survey.logs import configure_logs
from survey.serving import connection, server
from tests.support.raw_http import Client, many_clients, seconds_of, served_application

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
HALF_A_HEAD = b"POST / HTTP/1.1\r\nHost: a\r\n"
HALF_A_BODY = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\nhalf"


def echo(environ, start_response):
    """Answers with path and body."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["PATH_INFO"].encode(), b" ", environ["wsgi.input"].read()]


class DeferredBody(list):
    """The answer of an application, known when a future is done."""

    def __init__(self, future, start_response):
        super().__init__([b"done"])
        self.future, self.start_response = future, start_response

    def __iter__(self):
        self.start_response("200 OK", [])
        return super().__iter__()


@pytest.fixture
def address():
    with served_application(echo, max_body_bytes=1000, urgent_paths=frozenset({b"/urgent"})) as it:
        yield it


def post(body, path=b"/"):
    return b"POST %s HTTP/1.1\r\nContent-Length: %d\r\n\r\n%s" % (path, len(body), body)


class TestAnswers:
    def test_one_connection_serves_many_requests(self, address):
        client = Client(address)
        for number in range(5):
            client.send(post(b"%d" % number))
            assert client.receive()[2] == b"/ %d" % number

    def test_requests_sent_ahead_are_answered_in_their_order(self, address):
        client = Client(address, b"".join(post(b"%d" % number) for number in range(10)))
        assert [client.receive()[2] for _ in range(10)] == [b"/ %d" % n for n in range(10)]

    def test_who_sends_thousands_ahead_is_answered_some_and_let_go(self, address):
        client = Client(address, 3000 * GET)
        for _ in range(connection.MAX_AHEAD):
            assert client.receive()[0] == 200
        assert client.is_ended()

    def test_a_body_may_come_byte_by_byte(self, address):
        client = Client(address)
        for byte in post(b"slow"):
            client.send(bytes([byte]))
        assert client.receive()[2] == b"/ slow"

    def test_an_old_client_is_answered_and_let_go(self, address):
        client = Client(address, b"GET / HTTP/1.0\r\n\r\n")
        assert client.receive()[1]["Connection"] == "close"
        assert client.is_ended()

    def test_who_sends_no_more_still_gets_the_answer(self, address):
        client = Client(address, GET)
        client.socket.shutdown(1)
        assert client.receive()[0] == 200
        assert client.is_ended()

    def test_a_client_that_waits_with_its_body_is_told_to_go_on(self, address):
        client = Client(address, b"POST / HTTP/1.1\r\nExpect: 100-continue\r\n")
        client.send(b"Content-Length: 5\r\n\r\n")
        assert client.receive()[0] == 100
        client.send(b"hello")
        assert client.receive()[2] == b"/ hello"

    def test_one_that_has_no_body_to_wait_with_is_answered(self, address):
        client = Client(address, b"POST / HTTP/1.1\r\nExpect: 100-continue\r\n\r\n")
        assert client.receive()[0] == 200

    def test_a_large_answer_reaches_a_client_that_takes_its_time(self):
        page = bytes(range(256)) * 40_000

        def application(_environ, start_response):
            start_response("200 OK", [])
            return [page]

        with served_application(application) as address:
            client = Client(address, GET)
            time.sleep(0.2)
            assert client.receive()[2] == page
            client.send(GET)
            assert client.receive()[2] == page

    def test_an_answer_that_comes_later_keeps_no_thread(self):
        waiting = []

        def application(_environ, start_response):
            waiting.append(Future())
            return DeferredBody(waiting[-1], start_response)

        with served_application(application, threads=2) as address:
            clients = [Client(address, GET) for _ in range(20)]
            while len(waiting) < 20:
                time.sleep(0.01)
            for future in waiting:
                future.set_result(None)
            assert [client.receive()[2] for client in clients] == 20 * [b"done"]

    def test_what_is_sent_ahead_of_it_does_not_hold_up_who_commits(self):
        future, entered, go_on = Future(), threading.Event(), threading.Event()

        def application(environ, start_response):
            if environ["PATH_INFO"] == "/later":
                entered.set()
                return DeferredBody(future, start_response)
            go_on.wait(20)
            return echo(environ, start_response)

        with served_application(application) as address:
            client = Client(address, post(b"", b"/later") + post(b"", b"/wait"))
            entered.wait(5)
            assert seconds_of(lambda: future.set_result(None)) < 1
            assert client.receive()[2] == b"done"
            go_on.set()
            assert client.receive()[2] == b"/wait "

    def test_one_is_let_go_that_leaves_at_the_moment_of_its_answer(self, monkeypatch):
        entered, leaves, future = threading.Event(), threading.Event(), Future()
        unregister = selectors.DefaultSelector.unregister

        def unregister_slowly(selector, watched):
            key = unregister(selector, watched)
            leaves.set()
            time.sleep(0.2)
            return key

        def application(_environ, start_response):
            entered.set()
            return DeferredBody(future, start_response)

        monkeypatch.setattr(selectors.DefaultSelector, "unregister", unregister_slowly)
        with served_application(application) as address:
            client = Client(address, b"GET / HTTP/1.1\r\nConnection: close\r\n\r\n")
            assert entered.wait(5)
            client.socket.shutdown(socket.SHUT_WR)
            assert leaves.wait(5)
            future.set_result(None)
            assert client.receive()[2] == b"done"
            assert client.is_ended()


class TestRefusals:
    @pytest.mark.parametrize(
        ("data", "status"),
        [
            (b"nonsense\r\n\r\n", 400),
            (post(b"x").replace(b"\r\n\r\n", b"\r\nTransfer-Encoding: chunked\r\n\r\n"), 400),
            (b"GET ftp://a/ HTTP/1.1\r\n\r\n", 400),
            (b"POST / HTTP/1.1\r\nContent-Length: 1001\r\n\r\n", 413),
            (b"GET /" + 40_000 * b"x" + b" HTTP/1.1\r\n\r\n", 431),
        ],
    )
    def test_say_so_with_our_headers_and_end_the_connection(self, address, data, status):
        client = Client(address, data)
        found, headers, body = client.receive()
        assert (found, headers["X-Ours"], body) == (status, "yes", b"refused")
        assert headers["Connection"] == "close"
        assert client.is_ended()

    def test_reach_a_client_that_goes_on_sending(self, address):
        client = Client(address, b"POST / HTTP/1.1\r\nContent-Length: 9000000\r\n\r\n")
        client.send(3_000_000 * b"x")
        assert client.receive()[0] == 413

    def test_do_not_hurt_what_was_asked_before(self, address):
        client = Client(address, post(b"good") + b"bad\r\n\r\n")
        # Both came in one piece, so the parser knew of the second before the first was answered.
        status, _, body = client.receive()
        assert (status, body) == (200, b"/ good")
        assert client.is_ended()

    def test_a_failure_of_the_application_is_one_line_and_a_page(self, capsys):
        configure_logs()

        def fail(_environ, _start_response):
            raise ValueError("several\nlines")

        with served_application(fail) as address:
            status, headers, _ = Client(address, GET).receive()
        logged = "".join(capsys.readouterr())
        assert (status, logged.count("\n")) == (500, 1)
        assert "ValueError < " in logged
        assert f"request_id='{headers['X-Request-ID']}'" in logged


class TestSlowClients:
    """A thousand of each kind, and a customer."""

    @pytest.mark.parametrize(
        "sends",
        [b"", GET, HALF_A_HEAD, HALF_A_BODY],
        ids=["silent", "idle", "half a head", "half a body"],
    )
    def test_hold_nobody_up(self, address, sends):
        with many_clients(address, 1000, sends):

            def ask():
                client = Client(address, post(b"hello"))
                assert client.receive()[2] == b"/ hello"
                client.close()

            times = sorted(seconds_of(ask) for _ in range(50))
            assert times[25] < 0.1
            assert times[-1] < 1.0

    @pytest.mark.parametrize(
        ("sends", "phase"),
        [(b"", "HEAD"), (HALF_A_HEAD, "HEAD"), (HALF_A_BODY, "BODY"), (GET, "IDLE")],
        ids=["silent", "half a head", "half a body", "idle"],
    )
    def test_are_let_go_when_they_have_had_their_time(self, monkeypatch, sends, phase):
        monkeypatch.setitem(connection.PHASE_SECONDS, connection.Phase[phase], 0.2)
        with served_application(echo) as address:
            client = Client(address, sends)
            assert client.is_ended(5)
            assert Client(address, post(b"hello")).receive()[2] == b"/ hello"

    def test_who_is_in_the_midst_of_a_request_is_told(self, monkeypatch):
        monkeypatch.setitem(connection.PHASE_SECONDS, connection.Phase.BODY, 0.2)
        with served_application(echo) as address:
            assert Client(address, HALF_A_BODY).receive()[0] == 408

    def test_make_room_where_there_are_too_many(self, monkeypatch):
        monkeypatch.setattr(server, "MAX_CONNECTIONS", 50)
        with served_application(echo) as address:
            half = Client(address, HALF_A_BODY)
            time.sleep(0.2)  # until it is known to be in the midst of a request
            with many_clients(address, 300, b""):
                assert Client(address, post(b"hello")).receive()[2] == b"/ hello"
                # Those who have said nothing go first.
                half.send(996 * b"x")
                assert half.receive()[0] == 200

    def test_unfinished_bodies_take_no_more_memory_than_they_may(self, monkeypatch):
        monkeypatch.setattr(server, "MAX_HELD_BYTES", 5_000)
        with served_application(echo) as address:
            half = b"POST / HTTP/1.1\r\nContent-Length: 1000\r\n\r\n" + 900 * b"x"
            clients = [Client(address, half) for _ in range(6)]
            assert clients[-1].receive()[0] == 503
            for client in clients:
                client.close()
            time.sleep(0.2)
            assert Client(address, post(500 * b"x")).receive()[0] == 200


class TestAnApplicationThatIsHeldUp:
    @pytest.fixture
    def held_up(self):
        """A server with three threads, whose application waits where it is asked for `/wait`."""
        go_on = threading.Event()

        def application(environ, start_response):
            if environ["PATH_INFO"] == "/wait":
                go_on.wait(20)
            return echo(environ, start_response)

        limits = {"threads": 3, "urgent_paths": frozenset({b"/urgent"})}
        with served_application(application, **limits) as address:
            yield address, go_on
            go_on.set()

    def test_is_passed_by_others(self, held_up):
        address, go_on = held_up
        waiting = Client(address, post(b"", b"/wait"))
        assert Client(address, post(b"hello")).receive()[2] == b"/ hello"
        go_on.set()
        assert waiting.receive()[2] == b"/wait "

    def test_leaves_a_thread_for_what_is_urgent(self, held_up):
        address, go_on = held_up
        waiting = [Client(address, post(b"", b"/wait")) for _ in range(5)]
        time.sleep(0.3)
        ordinary = Client(address, post(b"hello"))
        for _ in range(3):
            assert Client(address, post(b"", b"/urgent")).receive()[2] == b"/urgent "
        go_on.set()
        assert [client.receive()[2] for client in waiting] == 5 * [b"/wait "]
        assert ordinary.receive()[2] == b"/ hello"

    def test_is_waited_for_when_the_server_stops(self):
        entered = threading.Event()

        def application(environ, start_response):
            entered.set()
            time.sleep(0.5)
            return echo(environ, start_response)

        with served_application(application) as address:
            client = Client(address, GET)
            idle = Client(address)
            entered.wait(5)
        status, headers, _ = client.receive()
        assert (status, headers["Connection"]) == (200, "close")
        assert idle.is_ended()


def test_requests_beyond_those_that_can_wait_are_told_so(monkeypatch):
    monkeypatch.setattr(server, "MAX_WAITING", 3)
    go_on = threading.Event()

    def application(environ, start_response):
        if environ["PATH_INFO"] == "/wait":
            go_on.wait(20)
        return echo(environ, start_response)

    with served_application(application, threads=2) as address:
        Client(address, GET).receive()
        time.sleep(0.2)  # both threads have begun
        clients = [Client(address, post(b"", b"/wait")) for _ in range(6)]
        time.sleep(0.5)
        go_on.set()
        # One was with the application, three waited.
        statuses = [client.receive()[0] for client in clients]
        assert sorted(statuses) == [200, 200, 200, 200, 503, 503]
