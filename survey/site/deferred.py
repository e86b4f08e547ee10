"""A response that is known only when something has been stored, and keeps no thread waiting."""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

from flask import Response
from flask.typing import ResponseReturnValue

from survey.site.context import SurveySite
from survey.store.errors import StoreError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

# Storing ends long before; this is for servers that know nothing of futures.
LONGEST_WAIT_SECONDS = 10.0


class DeferredResponse(Response):
    """The response of a view that does not wait for what it has stored.

    `stored` gets the result and gives the response, as an application; `failed` gets the
    StoreError, in the request's context, and gives what a view gives.

    WSGI lets an application say status and headers when its answer is iterated over. Our server
    does that when the future is done (`DeferredBody.future`), and has its thread to itself until
    then. Any other server iterates at once, and waits.
    """

    def __init__(
        self,
        site: SurveySite,
        future: "Future[Any]",
        *,
        stored: Callable[[Any], "WSGIApplication"],
        failed: Callable[[StoreError], ResponseReturnValue],
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
        with site.request_context(environ):
            try:
                if not isinstance(error, StoreError):
                    raise error
                page = self._failed(error)
            except Exception as failure:
                page = site.handle_user_exception(failure)
            return site.process_response(site.make_response(page))


class SeeOther:
    """A redirect to another of our pages, without a body, for no browser shows one. It is no
    `Response`: making and sending one takes a tenth of the time that an answer takes in all."""

    def __init__(self, location: str) -> None:
        self._location = location

    def __call__(
        self, _environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer 303."""
        start_response("303 SEE OTHER", [("Location", self._location)])
        return ()


class DeferredBody:
    """The answer of an application that can be iterated over without waiting when `future` is
    done."""

    def __init__(self, future: "Future[Any]", finish: Callable[[], Iterable[bytes]]) -> None:
        self.future = future
        self._finish = finish

    def __iter__(self) -> Iterator[bytes]:
        yield from self._finish()
