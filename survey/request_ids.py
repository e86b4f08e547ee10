"""The ids of requests: a number that stands in every log line of a request, in a header of its
answer and on its error page, so that what a customer tells us is found in the log."""

import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

HEADER = "X-Request-ID"
# Where the id stands in the environment of a request.
ENVIRON_KEY = "csat.request_id"
# Stands for the id in a page that is made before there is a request.
PLACEHOLDER = "request-id-is-put-here"
# UUIDs, and what nginx and other proxies make. Nothing else is taken: a client may have sent it,
# and it would stand in the log.
_SHAPE = re.compile(r"[0-9a-fA-F][0-9a-fA-F-]{14,62}[0-9a-fA-F]")

_current: ContextVar[str | None] = ContextVar("request id", default=None)


def make_request_id() -> str:
    """Return a new id."""
    return secrets.token_hex(8)


def choose_request_id(given: str | None, *, is_trusted: bool) -> str:
    """Return the id that a trusted proxy has given to a request, or a new one."""
    if is_trusted and given is not None and _SHAPE.fullmatch(given):
        return given
    return make_request_id()


def current_request_id() -> str | None:
    """Return the id of the request that this thread answers; None if it answers none."""
    return _current.get()


@contextmanager
def answering(request_id: str | None) -> Iterator[None]:
    """Let all that is logged in this block carry the id of a request."""
    token = _current.set(request_id)
    try:
        yield
    finally:
        _current.reset(token)


class Identified:
    """A WSGI application whose requests have ids, whatever server runs it.

    Our own server has given the id already. From another one, the header of a proxy counts only if
    `is_behind_proxy`.
    """

    def __init__(self, application: "WSGIApplication", *, is_behind_proxy: bool) -> None:
        self._application = application
        self._is_behind_proxy = is_behind_proxy

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer a request, and put its id into a header of the answer."""
        request_id = environ.get(ENVIRON_KEY)
        if request_id is None:
            given = environ.get("HTTP_X_REQUEST_ID")
            request_id = choose_request_id(given, is_trusted=self._is_behind_proxy)
            environ[ENVIRON_KEY] = request_id

        def start(
            status: str, headers: list[tuple[str, str]], exc_info: Any = None, /
        ) -> Callable[[bytes], object]:
            return start_response(status, [*headers, (HEADER, request_id)], exc_info)

        with answering(request_id):
            return self._application(environ, start)
