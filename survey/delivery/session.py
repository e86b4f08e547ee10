"""HTTP requests that end within a deadline, whatever the other side does."""

import threading
from http.cookiejar import DefaultCookiePolicy
from time import monotonic
from typing import Any

import requests

from survey.delivery.adapter import MAX_ANSWER_BYTES, EndableAdapter, HttpAnswer

# The longest time for a whole request, from the lookup of the name to the last byte.
DEADLINE_SECONDS = 10.0


class DeadlineSession(requests.Session):
    """A session with a deadline for each request as a whole, that follows no redirects.

    A timeout of `requests` counts for each address and for each read, so a server that sends a byte
    a second could hold a request for ever. A redirected POST arrives as a GET, whose 200 would look
    like acceptance. The session makes one request at a time. `last_answer` is the answer to the
    last request, None if there was none. `deadline` is in seconds; of an answer no more than
    `longest_answer` bytes are read.
    """

    def __init__(
        self, deadline: float | None = None, longest_answer: int = MAX_ANSWER_BYTES
    ) -> None:
        super().__init__()
        self._deadline = deadline
        self.last_answer: HttpAnswer | None = None
        # No cookies are kept: they would accumulate, and be sent with every request.
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._adapter = EndableAdapter(longest_answer)
        self._running: _Request | None = None
        self._ends_at: float | None = None
        self.mount("http://", self._adapter)
        self.mount("https://", self._adapter)

    def share_deadline(self) -> None:
        """Let all requests from now until the next call end within one deadline."""
        self._ends_at = monotonic() + self._seconds()

    def _seconds(self) -> float:
        return DEADLINE_SECONDS if self._deadline is None else self._deadline

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        """Send a request. Raises requests.RequestException if it has not ended in time.

        The request runs in a thread, because nothing can interrupt the lookup of a name. A request
        that was given up sends nothing any more, and must end before the next request begins.
        """
        self.last_answer = None
        began = monotonic()
        ends_at = began + self._seconds() if self._ends_at is None else self._ends_at
        seconds = ends_at - began
        if seconds <= 0:
            raise requests.Timeout("there was no time left for the request")
        if self._running is not None:
            self._running.join(seconds)
            if self._running.is_alive():
                raise requests.Timeout("the request before this one has not ended")
        self._adapter.begin(ends_at)
        limits = {"timeout": seconds, "allow_redirects": False}
        self._running = _Request(super().request, args, {**kwargs, **limits})
        self._running.start()
        self._running.join(max(ends_at - monotonic(), 0.0))
        if self._running.is_alive():
            self._adapter.end_connections()
            raise requests.Timeout("the request has not ended in time")
        self.last_answer = self._adapter.last_answer
        return self._running.result()


class _Request(threading.Thread):
    """A thread that makes one request. It is a daemon, so a process that ends does not wait."""

    def __init__(self, make: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        super().__init__(daemon=True, name="request")
        self._call = (make, args, kwargs)
        self._response: requests.Response | None = None
        self._error: Exception | None = None

    def run(self) -> None:
        """Make the request, and keep its response or error."""
        make, args, kwargs = self._call
        try:
            self._response = make(*args, **kwargs)
        except Exception as error:
            self._error = error

    def result(self) -> requests.Response:
        """Return the response, or raise the error of the request. The thread must have ended."""
        if self._response is None:
            raise self._error or requests.RequestException("the request's thread was ended")
        return self._response
