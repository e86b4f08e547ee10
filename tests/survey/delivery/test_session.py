"""Requests that must end in time and stay small, against servers that want neither."""

import gzip
import json
import socket
import threading
import tracemalloc
from contextlib import ExitStack, contextmanager
from time import monotonic

import pytest

from survey.delivery import adapter, session
from survey.delivery.failures import DeliveryError, FailureKind
from survey.delivery.sender import PostHogSender
from tests.support.raw_server import body_of, endlessly, raw_server

PAYLOAD = json.dumps(
    {
        "event": "survey sent",
        "distinct_id": "jane",
        "uuid": "01890000-0000-7000-8000-000000000001",
        "timestamp": "2026-10-14T09:30:00.123456+00:00",
        "properties": {"$survey_id": "s"},
    }
)
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"
ENDLESS_BODIES = {
    "plain": endlessly(b"HTTP/1.1 400 X\r\n\r\n", b"x" * 65_536),
    "chunked": endlessly(b"HTTP/1.1 400 X\r\n" + CHUNKED, b"10000\r\n" + b"x" * 65_536 + b"\r\n"),
    "gzip bomb": body_of(gzip.compress(bytes(50_000_000)), 400, "Content-Encoding: gzip\r\n"),
}


@contextmanager
def sending_to(port, host="127.0.0.1", scheme="http"):
    sender = PostHogSender(f"{scheme}://{host}:{port}", "phc_test")
    yield sender
    sender.close()


def refusal(sender) -> DeliveryError:
    with pytest.raises(DeliveryError) as raised:
        sender.send([PAYLOAD])
    return raised.value


@pytest.fixture
def _short_deadline(monkeypatch):
    monkeypatch.setattr(session, "DEADLINE_SECONDS", 0.6)
    monkeypatch.setattr(adapter, "CONNECT_SECONDS", 0.25)


@pytest.mark.parametrize("body", ENDLESS_BODIES.values(), ids=ENDLESS_BODIES)
def test_only_the_beginning_of_an_answer_is_read(body):
    with raw_server(body) as port, sending_to(port) as sender:
        tracemalloc.start()
        try:
            error = refusal(sender)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert (error.kind, error.reason) == (FailureKind.REJECTED, "PostHog answered 400")
    assert peak < 5_000_000


def test_a_redirect_whose_body_never_ends_is_read_no_further():
    head = b"HTTP/1.1 302 X\r\nLocation: http://[::1/\r\n\r\n"
    with raw_server(endlessly(head, b"x" * 65_536)) as port, sending_to(port) as sender:
        error = refusal(sender)
    assert error.reason == "PostHog answered 302: check CSAT_POSTHOG_HOST"


def test_cookies_are_not_kept():
    requests = []

    def answer(connection):
        body_of(b'{"status": 1}', headers="Set-Cookie: a=b\r\nConnection: close\r\n")(connection)

    with raw_server(answer, seen=requests) as port, sending_to(port) as sender:
        sender.send([PAYLOAD])
        sender.send([PAYLOAD])
    assert len(requests) == 3  # by v1, which is not offered, and twice by the batch call
    assert not any(b"cookie" in head for head in requests)


def test_a_line_that_never_ends_is_given_up():
    endless_size = endlessly(b"HTTP/1.1 400 X\r\n" + CHUNKED, b"0" * 65_536)
    with raw_server(endless_size) as port, sending_to(port) as sender:
        assert refusal(sender).kind is FailureKind.TRANSIENT


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (200, FailureKind.TRANSIENT),
        (400, FailureKind.REJECTED),
        (401, FailureKind.NEEDS_OPERATOR),
    ],
)
@pytest.mark.parametrize("nested", [b"[" * 60_000, b'{"detail":' * 6_000])
def test_json_that_is_nested_too_deeply_is_an_answer_like_any_other(status, kind, nested):
    with raw_server(body_of(nested, status)) as port, sending_to(port) as sender:
        assert refusal(sender).kind is kind


def test_a_body_that_cannot_be_decompressed_leaves_the_status():
    broken = body_of(b"no gzip", 400, "Content-Encoding: gzip\r\n")
    with raw_server(broken) as port, sending_to(port) as sender:
        assert refusal(sender).kind is FailureKind.REJECTED


def test_true_is_not_acceptance():
    with raw_server(body_of(b'{"status":true}')) as port, sending_to(port) as sender:
        assert refusal(sender).kind is FailureKind.TRANSIENT


@pytest.mark.usefixtures("_short_deadline")
def test_addresses_that_do_not_answer_and_slow_bytes_share_one_deadline(monkeypatch, posthog):
    stop = threading.Event()
    slow = endlessly(b"HTTP/1.1 200 X\r\n\r\n", b" ", stop)
    with ExitStack() as stack:
        port = stack.enter_context(raw_server(slow))
        stack.callback(stop.set)
        # Longer than the deadline, together.
        silent = [stack.enter_context(silent_address()) for _ in range(4)]
        resolve_to(monkeypatch, [*silent, ("127.0.0.1", port)])
        sender = stack.enter_context(sending_to(port, "several.example"))
        began = monotonic()
        assert refusal(sender).kind is FailureKind.TRANSIENT
        assert monotonic() - began < 1.0
        resolve_to(monkeypatch, [posthog_address(posthog)])
        sender.send([PAYLOAD])
    assert len(posthog.events) == 1


@pytest.mark.usefixtures("_short_deadline")
def test_the_next_address_is_tried_while_there_is_time(monkeypatch, posthog):
    with silent_address() as silent, sending_to(80, "several.example") as sender:
        resolve_to(monkeypatch, [silent, posthog_address(posthog)])
        sender.send([PAYLOAD])
    assert len(posthog.events) == 1


@pytest.mark.usefixtures("_short_deadline")
def test_a_lookup_that_hangs_is_given_up_and_sends_nothing_later(monkeypatch, posthog):
    released = threading.Event()
    resolve_to(monkeypatch, [posthog_address(posthog)], after=released)
    with sending_to(80, "hanging.example") as sender:
        began = monotonic()
        for _ in range(2):  # the second does not pile up on the first
            assert refusal(sender).kind is FailureKind.TRANSIENT
        assert monotonic() - began < 1.7
        lookups = [thread for thread in threading.enumerate() if thread.name == "request"]
        assert len(lookups) == 1
        released.set()
        lookups[0].join(5)
        assert posthog.attempts == 0
        sender.send([PAYLOAD])
    assert len(posthog.events) == 1


@pytest.mark.usefixtures("_short_deadline")
def test_a_handshake_that_never_ends_is_given_up():
    stop = threading.Event()
    # The head of a long message, and then a byte of it now and then.
    shake = endlessly(b"\x16\x03\x03\x3f\xff\x02\x00\x3f\xf0", b"\x00", stop)
    with (
        raw_server(shake, reads_request=False) as port,
        sending_to(port, scheme="https") as sender,
    ):
        began = monotonic()
        assert refusal(sender).kind is FailureKind.TRANSIENT
        assert monotonic() - began < 1.0
        for thread in threading.enumerate():
            if thread.name == "request":
                thread.join(1.0)
                assert not thread.is_alive()
        stop.set()


@contextmanager
def silent_address():
    """An address where connecting takes for ever: a listener whose queue is full."""
    with socket.socket() as listener, ExitStack() as stack:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        yield listener.getsockname()


def posthog_address(posthog):
    return "127.0.0.1", int(posthog.url.rpartition(":")[2])


def resolve_to(monkeypatch, addresses, after=None):
    """Let every name have these addresses, each with a port of its own, once that is set."""
    real = socket.getaddrinfo

    def resolve(host, *args, **kwargs):
        if not str(host).endswith(".example"):
            return real(host, *args, **kwargs)
        if after is not None:
            after.wait(10)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
