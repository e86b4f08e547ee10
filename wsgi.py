"""The web entry: the survey site and the reports site, for `csat serve` and for any other WSGI
server.

Another server finds them as `wsgi:application` and `wsgi:reports`; `csat db upgrade` comes before
its first start. `csat serve` starts site workers, which forward the requests for the reports to one
reports worker.
"""

import os
import socket
import sys
from typing import TYPE_CHECKING

from survey.serving.worker import (
    REPORTS_SOCKET_VARIABLE,
    forward_reports,
    run_worker,
    serve_reports,
    serve_site,
)

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

    from reports.site.context import ReportsSite
    from survey.serving.server import Server
    from survey.site.context import SurveySite

# The functions import what they need, so that nothing slow is imported before a worker has begun,
# and a site worker never imports the reports.


def create_site() -> "SurveySite":
    """Return the site as the environment configures it; its database must be upgraded before."""
    from survey.monitoring import begin_monitoring
    from survey.serving.proxies import trust_proxies
    from survey.settings import load_settings
    from survey.site.app import create_app
    from survey.store.database import CUSTOMER_WAIT_SECONDS, Database

    settings = load_settings()
    begin_monitoring(settings)
    site = create_app(settings, Database(settings.database_url, CUSTOMER_WAIT_SECONDS))
    if socket_path := os.environ.get(REPORTS_SOCKET_VARIABLE):
        forward_reports(site, socket_path)
    trust_proxies(site, settings.trusted_proxies)
    return site


def create_reports() -> "ReportsSite":
    """Return the reports site, likewise."""
    from reports.site.app import create_reports_site
    from survey.monitoring import begin_monitoring
    from survey.serving.proxies import trust_proxies
    from survey.settings import load_settings
    from survey.store.database import LONGEST_WAIT_SECONDS, Database

    settings = load_settings()
    begin_monitoring(settings)
    site = create_reports_site(settings, Database(settings.database_url, LONGEST_WAIT_SECONDS))
    trust_proxies(site, settings.trusted_proxies)
    return site


def __getattr__(name: str) -> "WSGIApplication":
    """Make a site when a server asks for it, so that importing this reads no settings."""
    if name == "application":
        return create_site()
    if name == "reports":
        return create_reports()
    raise AttributeError(name)


def _create_site_server(listener: socket.socket) -> "Server":
    return serve_site(create_site(), listener)


def _create_reports_server(listener: socket.socket) -> "Server":
    site = create_reports()
    return serve_reports(site, listener, site.page_headers)


if __name__ == "__main__":
    # `csat serve` starts its workers in this way, with the number of the socket to listen on.
    *options, socket_number = sys.argv[1:]
    create_server = _create_reports_server if options == ["--reports"] else _create_site_server
    run_worker(create_server, int(socket_number))
