"""Requests for the reports site are forwarded to its worker, over a Unix socket.

So the processes that serve customers load nothing of what reports need, above all not pandas. Some
threads of their own wait for the worker; the threads that answer customers do not.
"""

from collections.abc import Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from queue import Full, Queue
from socket import AF_UNIX, SOCK_STREAM, socket
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import structlog

from survey.request_ids import ENVIRON_KEY, HEADER, make_request_id
from survey.serving.gateway import HttpResponse
from survey.site.deferred import DeferredBody

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# The path of the reports site; all its other paths begin with this one and a slash.
REPORTS_PATH = "/reports"
# How many requests are forwarded at once, and how many more wait for that.
AT_ONCE = 8
MAX_WAITING = 32
# How long a request takes at most, together with its waiting.
LONGEST_SECONDS = 30.0
# The longest answer that is passed on, because the whole answer is held in memory.
MAX_ANSWER_BYTES = 128 * 1024 * 1024

# Headers that concern one connection and not the request, and one that the server has obeyed.
_HOP_BY_HOP = frozenset(
    {
        *("connection", "expect", "keep-alive", "proxy-authenticate", "proxy-authorization"),
        *("proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"),
    }
)

log = structlog.get_logger()


class Forwarding:
    """A WSGI application that forwards requests for the reports site, and leaves all others to
    another application.

    A request that gets no answer from the worker in time is answered with `unreachable`.
    """

    def __init__(
        self, application: "WSGIApplication", socket_path: str, unreachable: HttpResponse
    ) -> None:
        self._application = application
        self._socket_path = socket_path
        self._unreachable = unreachable
        self._waiting: Queue[_Forwarded] = Queue(MAX_WAITING)
        # A process that ends does not wait for the worker's answers, because these threads are
        # daemons; the threads of an executor are not.
        for number in range(AT_ONCE):
            Thread(target=self._work, name=f"forwards-{number + 1}", daemon=True).start()

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer a request. The answer to a forwarded one has a future, and is known when that is
        done."""
        if not _is_for_reports(environ.get("PATH_INFO", "")):
            return self._application(environ, start_response)
        forwarded = _read_request(environ)
        try:
            self._waiting.put_nowait(forwarded)
        except Full:
            forwarded.answer.set_result(self._refuse(forwarded))

        def finish() -> Iterable[bytes]:
            answer = forwarded.answer.result()
            start_response(answer.status, list(answer.headers))
            return [answer.body]

        return DeferredBody(forwarded.answer, finish)

    def _work(self) -> None:
        while True:
            self._forward_next()

    def _forward_next(self) -> None:
        forwarded = self._waiting.get()
        try:
            answer = _fetch(self._socket_path, forwarded)
        except (OSError, HTTPException) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            log.warning("reports not reached", reason=reason, request_id=forwarded.request_id)
            answer = self._refuse(forwarded)
        except Exception as error:
            # No error may end the thread, or leave the request without an answer.
            log.error("reports not reached", request_id=forwarded.request_id, exc_info=error)
            answer = self._refuse(forwarded)
        forwarded.answer.set_result(answer)

    def _refuse(self, forwarded: "_Forwarded") -> HttpResponse:
        return self._unreachable.with_request_id(forwarded.request_id)


def take_client_address(application: "WSGIApplication") -> "WSGIApplication":
    """Return an application that gets the client's address as the forwarding process told it."""

    def answer(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        environ["REMOTE_ADDR"] = environ.pop("HTTP_X_FORWARDED_FOR", "")
        return application(environ, start_response)

    return answer


class AnswerTooLarge(HTTPException):
    """The error that the worker's answer is longer than we hold, or does not say how long it is."""


@dataclass(frozen=True)
class _Forwarded:
    """A request on its way to the worker."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    ends_at: float
    request_id: str
    answer: "Future[HttpResponse]" = field(default_factory=Future)


class _DeadlineSocket(socket):
    """A Unix socket on which everything together ends at a time. A timeout counts for each read
    alone, so a worker that sends a byte now and then could hold a request for ever."""

    def __init__(self, ends_at: float) -> None:
        super().__init__(AF_UNIX, SOCK_STREAM)
        self._ends_at = ends_at

    def connect(self, address: Any) -> None:
        self._limit()
        super().connect(address)

    def sendall(self, *arguments: Any) -> None:
        self._limit()
        super().sendall(*arguments)

    def recv_into(self, *arguments: Any) -> int:
        self._limit()
        return super().recv_into(*arguments)

    def _limit(self) -> None:
        seconds = self._ends_at - monotonic()
        if seconds <= 0:
            raise TimeoutError
        self.settimeout(seconds)


def _is_for_reports(path: str) -> bool:
    return path.startswith(REPORTS_PATH) and path[len(REPORTS_PATH) :][:1] in ("", "/")


def _read_request(environ: "WSGIEnvironment") -> _Forwarded:
    """Return the request as it is forwarded. The path is encoded anew, because WSGI decodes it."""
    query = environ.get("QUERY_STRING", "")
    # Our own server has given the id already.
    request_id = environ.get(ENVIRON_KEY) or make_request_id()
    return _Forwarded(
        method=environ["REQUEST_METHOD"],
        target=quote(environ["PATH_INFO"].encode("latin-1")) + (f"?{query}" if query else ""),
        headers=_read_headers(environ, request_id),
        body=environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)),
        ends_at=monotonic() + LONGEST_SECONDS,
        request_id=request_id,
    )


def _read_headers(environ: "WSGIEnvironment", request_id: str) -> dict[str, str]:
    """Return the headers to forward. The client's address and the request's id are those that we
    know, because a client may send any."""
    named = environ.get("HTTP_CONNECTION", "").lower().split(",")
    dropped = _HOP_BY_HOP.union(name.strip() for name in named)
    headers = {
        name: value
        for key, value in environ.items()
        if key.startswith("HTTP_") and (name := _header_name(key)) not in dropped
    }
    if content_type := environ.get("CONTENT_TYPE"):
        headers["content-type"] = content_type
    client = environ.get("REMOTE_ADDR", "")
    ours = {"x-forwarded-for": client, HEADER.lower(): request_id}
    return {**headers, **ours, "connection": "close"}


def _header_name(environ_name: str) -> str:
    return environ_name.removeprefix("HTTP_").replace("_", "-").lower()


def _fetch(socket_path: str, request: _Forwarded) -> HttpResponse:
    """Return the worker's answer. Raise OSError or HTTPException if there is no whole answer."""
    with _DeadlineSocket(request.ends_at) as connected:
        connected.connect(socket_path)
        connection = HTTPConnection("localhost")
        connection.sock = connected
        connection.request(request.method, request.target, request.body or None, request.headers)
        with connection.getresponse() as response:
            if response.length is None or response.length > MAX_ANSWER_BYTES:
                raise AnswerTooLarge
            headers = [
                (name, value)
                for name, value in response.getheaders()
                if name.lower() not in _HOP_BY_HOP
            ]
            return HttpResponse(f"{response.status} {response.reason}", headers, response.read())
