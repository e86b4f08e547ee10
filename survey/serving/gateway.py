"""Translation between HTTP and WSGI (PEP 3333): requests to environments, answers to bytes."""

import sys
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass
from email.utils import formatdate
from functools import lru_cache
from io import BytesIO
from time import time
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

import httptools

from survey.request_ids import ENVIRON_KEY, HEADER, PLACEHOLDER
from survey.response_headers import Headers
from survey.serving.requests import Refused, Request

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

# The address of a socket: a tuple for TCP, a path for a Unix socket.
Address = tuple[Any, ...] | str | bytes

# Headers that the server sets itself.
_OWN_HEADERS = frozenset({"connection", "content-length", "date", "server", "transfer-encoding"})
_STATUSES_WITHOUT_BODY = ("1", "204", "304")


@dataclass
class HttpResponse:
    """The response of an application."""

    status: str = ""
    headers: Headers = ()
    body: bytes = b""

    def with_request_id(self, request_id: str) -> "HttpResponse":
        """Return this response, which was made before there was a request, for a request: its id
        stands in a header, and on the page where that left a place for it."""
        body = self.body.replace(PLACEHOLDER.encode(), request_id.encode())
        return HttpResponse(self.status, [*self.headers, (HEADER, request_id)], body)


def build_environ(base: "WSGIEnvironment", request: Request, peer: Address) -> "WSGIEnvironment":
    """Return the environment of a request. Raise Refused for a target that names no path.

    `base` holds the values that are the same for all requests; `peer` is the client's address, of
    which only that of TCP says who the client is.
    """
    path, query = _split_target(request.target)
    environ = {
        **base,
        "REQUEST_METHOD": request.method,
        "PATH_INFO": (unquote_to_bytes(path) if b"%" in path else path).decode("latin-1"),
        "QUERY_STRING": query.decode("latin-1"),
        "SERVER_PROTOCOL": f"HTTP/{request.version}",
        "REMOTE_ADDR": peer[0] if peer and isinstance(peer, tuple) else "",
        ENVIRON_KEY: request.id,
        "wsgi.input": BytesIO(request.body),
    }
    for raw_name, raw_value in request.headers:
        name = _environ_name(raw_name)
        if name is not None:
            value = raw_value.decode("latin-1")
            known = environ.get(name)
            environ[name] = value if known is None else f"{known},{value}"
    # The whole body has arrived, so even a chunked one has a length.
    environ["CONTENT_LENGTH"] = str(len(request.body))
    return environ


def base_environ(address: Address) -> "WSGIEnvironment":
    """Return the values that every request's environment contains, for a server that listens at
    `address`."""
    host, port = address[:2] if isinstance(address, tuple) else ("localhost", 80)
    return {
        "SCRIPT_NAME": "",
        "SERVER_NAME": str(host),
        "SERVER_PORT": str(port),
        "SERVER_SOFTWARE": "csat",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }


def begin_application(application: "WSGIApplication", environ: "WSGIEnvironment") -> "Begun":
    """Call an application. Raise every error that the application raises."""
    begun = Begun()
    begun.parts = application(environ, begun.start_response)
    return begun


class Begun:
    """A call of an application; the answer is complete after `finish`.

    `future` is what the application waits for, if the application says so
    (`survey.site.deferred`). Until the future is done, `finish` would wait.
    """

    def __init__(self) -> None:
        self.parts: Iterable[bytes] = ()
        self._answer = HttpResponse()
        self._written: list[bytes] = []

    @property
    def future(self) -> "Future[Any] | None":
        """The future that must be done before the answer is known, or None."""
        return getattr(self.parts, "future", None)

    def start_response(
        self, status: str, headers: list[tuple[str, str]], _exc_info: Any = None, /
    ) -> Callable[[bytes], object]:
        """Remember status and headers. The application calls this, as WSGI says."""
        self._answer.status, self._answer.headers = status, headers
        return self._written.append

    def finish(self) -> HttpResponse:
        """Return the whole answer. Raise every error that the application raises."""
        try:
            self._written.extend(self.parts)
        finally:
            if hasattr(self.parts, "close"):
                self.parts.close()
        self._answer.body = b"".join(self._written)
        return self._answer


def encode_answer(
    answer: HttpResponse, *, method: str = "GET", keeps_alive: bool, version: str
) -> bytes:
    """Return the bytes of an answer for the network. Raise ValueError for a header with a line
    break."""
    lines = [f"HTTP/1.1 {answer.status}"]
    length = str(len(answer.body))
    for name, value in answer.headers:
        lowered = name.lower()
        if lowered not in _OWN_HEADERS:
            lines.append(f"{name}: {value}")
        elif lowered == "content-length" and method == "HEAD":
            length = value
    if not answer.status.startswith(_STATUSES_WITHOUT_BODY):
        lines.append(f"Content-Length: {length}")
    if not keeps_alive:
        lines.append("Connection: close")
    elif version == "1.0":
        lines.append("Connection: keep-alive")
    head = "\r\n".join(lines)
    if head.count("\n") != len(lines) - 1 or head.count("\r") != len(lines) - 1:
        raise ValueError("a header of the answer holds a line break")
    body = b"" if method == "HEAD" else answer.body
    return f"{head}\r\nDate: {_date(int(time()))}\r\nServer: csat\r\n\r\n".encode("latin-1") + body


def _split_target(target: bytes) -> tuple[bytes, bytes]:
    """Return the path and the query of a request's target. Raise Refused for a bad address."""
    if not target.startswith(b"/") and target != b"*":
        # A request to a proxy names the whole address.
        try:
            parsed = httptools.parse_url(target)
        except httptools.HttpParserInvalidURLError:
            raise Refused(400) from None
        if parsed.schema not in (b"http", b"https"):
            raise Refused(400)
        return parsed.path or b"/", parsed.query or b""
    path, _, query = target.partition(b"?")
    return path, query.partition(b"#")[0]


@lru_cache(maxsize=256)
def _environ_name(name: bytes) -> str | None:
    """Return the name of a header in an environment. Return None for a header that could be taken
    for another one there, and for one that describes how the body was sent."""
    if b"_" in name:
        return None
    text = name.decode("latin-1").upper().replace("-", "_")
    if text in ("TRANSFER_ENCODING", "CONTENT_LENGTH"):
        return None
    return text if text == "CONTENT_TYPE" else f"HTTP_{text}"


@lru_cache(maxsize=2)
def _date(second: int) -> str:
    return formatdate(second, usegmt=True)
