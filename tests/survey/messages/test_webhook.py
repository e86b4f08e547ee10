"""Posts go to a real HTTP server, and what it answers is understood."""

import socket

import pytest

from survey.delivery import session
from survey.delivery.failures import DeliveryError, FailureKind
from survey.messages.webhook import Webhook
from tests.support.raw_server import endlessly, raw_server
from tests.support.webhook_server import SECRET_PATH, webhook_server

PAYLOAD = {"text": "Low rating 🦔", "blocks": []}


def refusal(url):
    with pytest.raises(DeliveryError) as raised:
        Webhook(url).post(PAYLOAD)
    return raised.value


def test_a_message_is_posted_as_json():
    with webhook_server() as server:
        Webhook(server.url).post(PAYLOAD)
    assert server.posts == [PAYLOAD]


@pytest.mark.parametrize("status", [201, 202, 204])
def test_any_acceptance_is_one(status):
    with webhook_server() as server:
        server.refuse(status)
        Webhook(server.url).post(PAYLOAD)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (500, FailureKind.TRANSIENT),
        (503, FailureKind.TRANSIENT),
        (429, FailureKind.TRANSIENT),
        (408, FailureKind.TRANSIENT),
        (400, FailureKind.REJECTED),
        (403, FailureKind.REJECTED),
        (404, FailureKind.REJECTED),
        (410, FailureKind.REJECTED),
        (302, FailureKind.NEEDS_OPERATOR),
    ],
)
def test_the_status_decides(status, kind):
    with webhook_server() as server:
        server.refuse(status, "channel_is_archived \x1b[31m", Location="/elsewhere")
        error = refusal(server.url)
    assert error.kind is kind
    assert error.reason.startswith(f"the webhook answered {status}")
    assert ("check CSAT_ALERT_WEBHOOK" in error.reason) == (status == 302)
    assert error.error_message == "channel_is_archived ?[31m"


@pytest.mark.parametrize(
    ("wish", "seconds"), [("30", 30.0), ("0", None), ("-1", None), ("nan", None), ("soon", None)]
)
def test_a_wish_for_a_pause_is_read(wish, seconds):
    with webhook_server() as server:
        server.refuse(429, Retry_After=wish)
        assert refusal(server.url).retry_after == seconds


def test_a_server_that_is_not_there_is_not_named_by_its_secret_address():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    error = refusal(f"http://127.0.0.1:{port}{SECRET_PATH}")
    assert error.kind is FailureKind.TRANSIENT
    assert error.reason == "the webhook cannot be reached (ConnectionError)"


def test_an_address_that_is_none_is_a_setting_to_mend():
    error = refusal("http://[::1")
    assert error.kind is FailureKind.NEEDS_OPERATOR
    assert "check CSAT_ALERT_WEBHOOK" in error.reason


def test_a_post_ends_in_time(monkeypatch):
    monkeypatch.setattr(session, "DEADLINE_SECONDS", 0.6)
    with raw_server(endlessly(b"HTTP/1.1 200 X\r\n", b"A: b\r\n")) as port:
        assert refusal(f"http://127.0.0.1:{port}").kind is FailureKind.TRANSIENT
