"""A site worker runs the HTTP server on a listening socket that the supervisor bound."""

import gc
import signal
import socket
from typing import TYPE_CHECKING

from survey.logs import log_thread_failures
from survey.serving.children import die_with_parent
from survey.serving.gateway import HttpResponse
from survey.serving.request_log import RequestLog
from survey.serving.server import Limits, Server

if TYPE_CHECKING:
    from collections.abc import Callable

    from survey.site.context import SurveySite

# Operators' health checks must not wait for customers' requests.
URGENT_PATHS = frozenset({b"/healthz", b"/readyz"})


def run_worker(create_site: "Callable[[], SurveySite]", socket_number: int) -> None:
    """Answer requests until SIGTERM or SIGINT, and finish the current requests."""
    die_with_parent()
    log_thread_failures()
    # The collector would find no garbage among the objects that imports make.
    gc.disable()
    site = create_site()
    # The objects made so far stay, so the collector need not check them again and again.
    gc.collect()
    gc.freeze()
    gc.enable()
    server = serve_site(site, socket.socket(fileno=socket_number))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.stop())
    server.run()


def serve_site(site: "SurveySite", listener: socket.socket) -> Server:
    """Return the server of a site, with the site's own limits and error pages."""
    from survey.site.errors import refusal_pages

    refusals = {
        status: HttpResponse(page.status, list(page.headers), page.get_data())
        for status, page in refusal_pages(site).items()
    }
    limits = Limits(max_body_bytes=site.max_body_bytes, urgent_paths=URGENT_PATHS)
    log = RequestLog() if site.settings.log_requests else None
    return Server(site, listener, refusals, limits, log)
