"""A response that is known only when something has been stored; no thread waits for it."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from flask import Response
from flask.typing import ResponseReturnValue

from survey.errors import CsatError
from survey.request_ids import ENVIRON_KEY, answering
from survey.site.context import SurveySite
from survey.store.errors import StoreError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# Storing takes much less time. This limit is for servers that do not use the future.
LONGEST_WAIT_SECONDS = 10.0


class DeferredResponse(Response):
    """The response of a view that does not wait until its data is stored.

    `stored` gets the result and returns the response as an application. `failed` gets an error of
    ours, in the request's context, and returns what a view returns.

    WSGI lets an application give status and headers when the server iterates over its answer. Our
    server does that when the future is done (`DeferredBody.future`), and its thread is free until
    then. Any other server iterates at once, and waits.
    """

    def __init__(
        self,
        site: SurveySite,
        future: "Future[Any]",
        *,
        stored: Callable[[Any], "WSGIApplication"],
        failed: Callable[[CsatError], ResponseReturnValue],
    ) -> None:
        super().__init__(mimetype="text/plain")
        self._site = site
        self._future = future
        self._stored = stored
        self._failed = failed

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Return the answer as an iterable with a future."""
        return DeferredBody(
            self._future, lambda: self._application(environ)(environ, start_response)
        )

    def _application(self, environ: "WSGIEnvironment") -> "WSGIApplication":
        try:
            error = self._future.exception(LONGEST_WAIT_SECONDS)
        except TimeoutError:
            error = StoreError("the database did not answer in time")
        return self._stored(self._future.result()) if error is None else self._fail(environ, error)

    def _fail(self, environ: "WSGIEnvironment", error: BaseException) -> Response:
        site = self._site
        # This runs in the thread that commits, or after the application was called.
        with answering(environ.get(ENVIRON_KEY)), site.request_context(environ):
            try:
                if not isinstance(error, CsatError):
                    raise error
                page = self._failed(error)
            except Exception as failure:
                page = site.handle_user_exception(failure)
            return site.process_response(site.make_response(page))


class SeeOther:
    """A redirect to another of our pages, without a body, because no browser shows one. This is
    not a `Response`: making and sending one takes a tenth of the whole time for an answer."""

    def __init__(self, location: str) -> None:
        self._location = location

    def __call__(
        self, _environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer with status 303."""
        start_response("303 SEE OTHER", [("Location", self._location)])
        return ()


class DeferredBody:
    """The answer of an application. When `future` is done, a server can iterate over the answer
    without waiting."""

    def __init__(self, future: "Future[Any]", finish: Callable[[], Iterable[bytes]]) -> None:
        self.future = future
        self._finish = finish

    def __iter__(self) -> Iterator[bytes]:
        yield from self._finish()
