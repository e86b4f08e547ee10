"""`/metrics` for Prometheus, protected by a token, and the middleware that times requests."""

import hmac
from collections.abc import Callable, Iterable, Iterator
from time import perf_counter
from typing import TYPE_CHECKING, Any

import structlog
from flask import Blueprint, Flask, Response, abort, request
from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from survey.prometheus import HTTP_SECONDS, counted_registry, counting
from survey.site.context import SurveySite, current_site
from survey.store.errors import StoreError
from survey.store.outbox import summarise

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

metrics = Blueprint("metrics", __name__)
log = structlog.get_logger()


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
    registry.register(_Outbox(site))
    text = generate_latest(registry) + generate_latest(counted_registry())
    return Response(text, content_type=CONTENT_TYPE_PLAIN_0_0_4)


class _Outbox(Collector):
    """The figures of the outbox in the store, for all processes on all machines."""

    def __init__(self, site: SurveySite) -> None:
        self._site = site

    def collect(self) -> Iterator[Metric]:
        """Yield the figures. Yield none while the store cannot be read: old ones would be wrong."""
        now = self._site.clock()
        try:
            with self._site.database.reading() as connection:
                summary = summarise(connection, now)
        except StoreError as error:
            log.error("outbox not counted", reason=str(error))
            return
        yield GaugeMetricFamily(
            "csat_outbox_waiting", "Events that wait for PostHog.", summary.waiting
        )
        yield GaugeMetricFamily(
            "csat_outbox_oldest_seconds",
            "How long the oldest of them has been waiting.",
            summary.oldest_seconds(now),
        )
        yield CounterMetricFamily(
            "csat_outbox_delivered", "Events that PostHog accepted.", summary.delivered
        )
        yield CounterMetricFamily(
            "csat_outbox_dead", "Events that became dead letters.", summary.dead_total
        )
        yield GaugeMetricFamily(
            "csat_outbox_dead_now", "Dead letters that nobody has sent again.", summary.dead_now
        )
        yield GaugeMetricFamily(
            "csat_outbox_over_quota",
            "1 while PostHog drops events for its quota, so that all wait.",
            int(summary.quota_probe_at is not None),
        )


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
