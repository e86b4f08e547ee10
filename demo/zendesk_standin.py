"""A stand-in for Zendesk: a real HTTP server with the endpoints that we use, and its webhook."""

import base64
import contextlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests

from demo.behaviour import Behaviour, Script, answer
from demo.standin_server import StandIn, StandInHandler, StandInServer
from demo.zendesk_api import Api, read_json
from demo.zendesk_desk import Desk, DeskTicket, Refusal
from demo.zendesk_rules import Rules
from demo.zendesk_views import tell_of
from survey.clock import now

EMAIL = "agent@example.com"
TOKEN = "zendesk-token-of-the-stand-in"  # nosec B105 # opens nothing but the stand-in
WEBHOOK_SECRET = "dGhpc19zZWNyZXRfaXNfZm9yX3Rlc3Rpbmdfb25seQ=="  # nosec B105 # likewise
EXPORTS_A_MINUTE = 10


@dataclass(frozen=True)
class DeskRequest:
    """A request that arrived, whatever the answer was."""

    method: str
    path: str
    query: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Delivery:
    """A webhook that was sent, and the status of its answer; None if there was none."""

    invocation_id: str
    body: bytes
    status: int | None


class ZendeskStandIn(StandIn):
    """A help desk on a port of its own.

    `desk` holds its tickets: what customers and agents do are its methods. `rules` holds its
    automations, triggers and webhooks. `behave` makes requests fail. `requests` records every
    request, `deliveries` every webhook that was sent: after each change by a person once `notify`
    has named an address. The time is that of `clock`; one that is wrong gives a desk whose clock
    is wrong. `seconds` is what the limit of exports is counted by.
    """

    def __init__(
        self,
        port: int = 0,
        *,
        clock: Callable[[], datetime] = now,
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(port, "zendesk-standin")
        self.desk = Desk(clock)
        self.rules = Rules(self.desk)
        self.api = Api(self.desk, self.rules)
        self.requests: list[DeskRequest] = []
        self.deliveries: list[Delivery] = []
        self._seconds = seconds
        self._exports: list[float] = []
        self._scripts: dict[str, Script] = {}
        self._lock = threading.Lock()

    @property
    def settings(self) -> dict[str, str]:
        """The settings of a survey that works with this desk, by their names."""
        return {
            "zendesk_url": self.url,
            "zendesk_email": EMAIL,
            "zendesk_token": TOKEN,
            "zendesk_webhook_secret": WEBHOOK_SECRET,
        }

    def behave(self, behaviour: Behaviour, times: int | None = None, *, to: str = "") -> None:
        """Treat the next `times` requests whose path contains `to` like this, after the earlier
        calls have been followed. Without `times`, treat all of them like this from now on."""
        with self._lock:
            self._scripts.setdefault(to, Script()).add(behaviour, times)

    def notify(self, address: str, severity_field: int | None = None) -> None:
        """Send the webhook to this address after each change that a person makes."""

        def send(ticket: DeskTicket) -> None:
            self.send_webhook(address, tell_of(self.desk, ticket, severity_field))

        self.desk.on_change = send

    def send_webhook(
        self,
        address: str,
        body: Mapping[str, Any],
        *,
        invocation_id: str | None = None,
        secret: str = WEBHOOK_SECRET,
    ) -> Delivery:
        """Send a signed webhook, and record it. An invocation id makes it the repeat of one."""
        content = json.dumps(body).encode()
        stamp = f"{self.desk.clock():%Y-%m-%dT%H:%M:%SZ}"
        invocation_id = invocation_id or f"01JD{len(self.deliveries):022}"
        headers = {
            "Content-Type": "application/json",
            "X-Zendesk-Webhook-Signature": sign_webhook(stamp, content, secret),
            "X-Zendesk-Webhook-Signature-Timestamp": stamp,
            "X-Zendesk-Webhook-Invocation-Id": invocation_id,
        }
        status: int | None = None
        # Whoever should hear of it may be down; the record of the delivery says so.
        with contextlib.suppress(requests.RequestException):
            status = requests.post(address, data=content, headers=headers, timeout=12).status_code
        delivery = Delivery(invocation_id, content, status)
        self.deliveries.append(delivery)
        return delivery

    def treat(
        self, method: str, target: str, authorization: str, body: bytes
    ) -> tuple[Behaviour, threading.Event]:
        """Record a request; return how to answer it, and what ends a hang."""
        parts = urlsplit(target)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        with self._lock:
            self.requests.append(DeskRequest(method, parts.path, query, body))
            script = next(
                (found for to, found in self._scripts.items() if to and to in parts.path),
                self._scripts.get("", Script()),
            )
            behaviour = script.next()
        if not behaviour.accepts:
            return behaviour, self._released
        real = self._answer(method, parts.path, query, authorization, body)
        return replace(real, how=behaviour.how, seconds_per_byte=behaviour.seconds_per_byte), (
            self._released
        )

    def _answer(
        self, method: str, path: str, query: Mapping[str, str], authorization: str, body: bytes
    ) -> Behaviour:
        expected = base64.b64encode(f"{EMAIL}/token:{TOKEN}".encode()).decode()
        if not hmac.compare_digest(authorization.encode(), f"Basic {expected}".encode()):
            return answer(HTTPStatus.UNAUTHORIZED, {"error": "Couldn't authenticate you"})
        wait = self._wait_for_export() if "/incremental/" in path else 0
        if wait:
            error = {"error": "APIRateLimitExceeded", "description": "Number of allowed requests"}
            return answer(HTTPStatus.TOO_MANY_REQUESTS, error, {"Retry-After": str(wait)})
        try:
            status, found = self.api.answer(method, path, query, read_json(body))
        except Refusal as refusal:
            status, found = refusal.status, refusal.body
        return answer(status, found if found is not None else "")

    def _wait_for_export(self) -> int:
        """Count an export; return for how many seconds there may be none, 0 if this one may be."""
        with self._lock:
            time_now = self._seconds()
            self._exports = [each for each in self._exports if each > time_now - 60]
            if len(self._exports) >= EXPORTS_A_MINUTE:
                return int(self._exports[0] + 60 - time_now) + 1
            self._exports.append(time_now)
            return 0

    def _make_server(self) -> "_Server":
        server = _Server(self._port, self)
        self.api.url = f"http://127.0.0.1:{server.server_port}"
        return server


def sign_webhook(timestamp: str, body: bytes, secret: str) -> str:
    """Return the signature of a webhook, as Zendesk makes it."""
    digest = hmac.digest(secret.encode(), timestamp.encode() + body, "sha256")
    return base64.b64encode(digest).decode()


class _Handler(StandInHandler):
    server: "_Server"

    def _treat(self) -> None:
        authorization = self.headers.get("Authorization", "")
        body = self.read_body()
        standin = self.server.standin
        self.act(*standin.treat(self.command, self.path, authorization, body))

    do_GET = do_POST = do_PUT = do_DELETE = _treat


class _Server(StandInServer):
    def __init__(self, port: int, standin: ZendeskStandIn) -> None:
        self.standin = standin
        super().__init__(port, _Handler)
