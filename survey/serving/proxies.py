"""Proxies of the operator's own before a site: they say who the client is, and nobody else may."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import structlog
from flask import Flask
from werkzeug.middleware.proxy_fix import ProxyFix

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = structlog.get_logger()


def trust_proxies(site: Flask, count: int) -> None:
    """Let a site believe what `count` proxies, one behind the other, say of a client: its address,
    and whether it came by https. With 0, what a request says of itself is not believed."""
    application = site.wsgi_app
    trusting = (
        ProxyFix(application, x_for=count, x_proto=count, x_host=0, x_port=0, x_prefix=0)
        if count
        else _TrustingNobody(application)
    )
    site.wsgi_app = trusting  # type: ignore[method-assign]


class _TrustingNobody:
    """Says once in the log that a proxy stands before the site, where the settings know of none."""

    def __init__(self, application: "WSGIApplication") -> None:
        self._application = application
        self._has_warned = False

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        if not self._has_warned and "HTTP_X_FORWARDED_FOR" in environ:
            self._has_warned = True
            log.warning(
                "a request has X-Forwarded-For, but CSAT_TRUSTED_PROXIES is 0: if a proxy of yours "
                "stands before the site, set it, or the limits take all customers for one client"
            )
        return self._application(environ, start_response)
