"""Workers run the HTTP server on a listening socket that the supervisor bound: site workers for
customers, and one worker for the reports."""

import gc
import signal
import socket
from http import HTTPStatus
from typing import TYPE_CHECKING

from survey.logs import log_failures
from survey.response_headers import Headers
from survey.serving.children import die_with_parent
from survey.serving.gateway import HttpResponse
from survey.serving.request_log import RequestLog
from survey.serving.server import Limits, Server

if TYPE_CHECKING:
    from collections.abc import Callable

    from _typeshed.wsgi import WSGIApplication
    from flask import Response

    from survey.site.context import SurveySite

# The environment variable by which site workers know where the reports worker listens; without it
# they forward nothing.
REPORTS_SOCKET_VARIABLE = "_CSAT_REPORTS_SOCKET"
# Operators' health checks must not wait for customers' requests.
URGENT_PATHS = frozenset({b"/healthz", b"/readyz"})
# Reports keep the processor busy; more threads would only take the time from each other.
REPORTS_THREADS = 8


def run_worker(create_server: "Callable[[socket.socket], Server]", socket_number: int) -> None:
    """Answer requests until SIGTERM or SIGINT, and finish the current requests."""
    die_with_parent()
    log_failures()
    # The collector would find no garbage among the objects that imports make.
    gc.disable()
    server = create_server(socket.socket(fileno=socket_number))
    # The objects made so far stay, so the collector need not check them again and again.
    gc.collect()
    gc.freeze()
    gc.enable()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.stop())
    server.run()


def serve_site(site: "SurveySite", listener: socket.socket) -> Server:
    """Return the server of a site, with the site's own limits and error pages."""
    from survey.site.errors import refusal_pages

    refusals = {status: _fixed(page) for status, page in refusal_pages(site).items()}
    limits = Limits(
        max_body_bytes=site.max_body_bytes,
        urgent_paths=URGENT_PATHS,
        trusts_request_ids=site.settings.trusted_proxies > 0,
    )
    pages = frozenset(rule.rule.encode() for rule in site.url_map.iter_rules())
    log = RequestLog(pages) if site.settings.log_requests else None
    return Server(site, listener, refusals, limits, log)


def forward_reports(site: "SurveySite", socket_path: str) -> None:
    """Let a site forward the requests for the reports to the worker that listens at a path."""
    from survey.serving.forwarding import Forwarding
    from survey.site.errors import reports_unreachable_page

    unreachable = _fixed(reports_unreachable_page(site))
    site.wsgi_app = Forwarding(site.wsgi_app, socket_path, unreachable)  # type: ignore[method-assign]


def serve_reports(
    application: "WSGIApplication", listener: socket.socket, headers: Headers
) -> Server:
    """Return the server of the reports, which get requests from site workers alone.

    `headers` are those of every answer. It logs no requests, because the site workers log them.
    """
    from survey.serving.forwarding import take_client_address
    from survey.site.errors import REFUSALS

    refusals = {status: _plain_refusal(HTTPStatus(status), headers) for status in REFUSALS}
    # The site workers have given the ids.
    limits = Limits(threads=REPORTS_THREADS, trusts_request_ids=True)
    return Server(take_client_address(application), listener, refusals, limits)


def _fixed(page: "Response") -> HttpResponse:
    # The length changes when the request's id is put in; the server says it.
    headers = [(name, value) for name, value in page.headers if name != "Content-Length"]
    return HttpResponse(page.status, headers, page.get_data())


def _plain_refusal(status: HTTPStatus, headers: Headers) -> HttpResponse:
    line = f"{status} {status.phrase}"
    plain = [("Content-Type", "text/plain; charset=utf-8"), *headers]
    return HttpResponse(line, plain, f"The reports did not answer: {line}\n".encode())
