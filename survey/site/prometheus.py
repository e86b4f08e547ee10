"""`/metrics` for Prometheus, protected by a token, and the middleware that times requests."""

import hmac
from collections.abc import Callable, Iterable
from time import perf_counter
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Flask, Response, abort, request
from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from survey.prometheus import HTTP_SECONDS, counted_registry, counting
from survey.site.context import current_site
from survey.site.store_figures import StoreFigures

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

metrics = Blueprint("metrics", __name__)


@metrics.get("/metrics")
def show_metrics() -> Response:
    """Return all figures. Answer 404 if no token is set, and 401 for a wrong token."""
    site = current_site()
    token = site.settings.metrics_token
    if token is None:
        abort(404)
    expected = f"Bearer {token.get_secret_value()}".encode()
    if not hmac.compare_digest(request.headers.get("Authorization", "").encode(), expected):
        return Response("a bearer token is needed\n", 401, {"WWW-Authenticate": "Bearer"})
    registry = CollectorRegistry()
    registry.register(StoreFigures(site.database, site.settings, site.clock))
    text = generate_latest(registry) + generate_latest(counted_registry())
    return Response(text, content_type=CONTENT_TYPE_PLAIN_0_0_4)


def register(app: Flask) -> None:
    """Serve the figures, and time every request."""
    app.register_blueprint(metrics)
    pages = frozenset(rule.rule for rule in app.url_map.iter_rules())
    app.wsgi_app = _Timed(app.wsgi_app, pages)  # type: ignore[method-assign]


class _Timed:
    """Times requests by method, page and status. All addresses without a page count as one."""

    def __init__(self, application: "WSGIApplication", pages: frozenset[str]) -> None:
        self._application = application
        self._pages = pages
        # Kept here, because finding a histogram by its labels takes as long as counting.
        self._timers: dict[tuple[str, str, str], Histogram] = {}

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        began = perf_counter()

        def count(status: str) -> None:
            with counting():
                timer = self._timer(environ["REQUEST_METHOD"], environ.get("PATH_INFO", ""), status)
                timer.observe(perf_counter() - began)

        def start(
            line: str, headers: list[tuple[str, str]], exc_info: Any = None, /
        ) -> Callable[[bytes], object]:
            # Count only now: an answer that must be stored first has no status before.
            count(line[:3])
            return start_response(line, headers, exc_info)

        try:
            return self._application(environ, start)
        except Exception:
            count("500")
            raise

    def _timer(self, method: str, path: str, status: str) -> Histogram:
        key = (
            method if method in ("GET", "HEAD", "POST") else "other",
            path if path in self._pages else "other",
            status,
        )
        if key not in self._timers:
            self._timers[key] = HTTP_SECONDS.labels(*key)
        return self._timers[key]
