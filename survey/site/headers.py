"""The headers of every page: nothing is stored, nothing is fetched from anybody else."""

import base64
import hashlib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from flask import Flask

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def site_headers(style: str) -> list[tuple[str, str]]:
    """The headers of every answer of a site whose pages hold this style sheet."""
    return [
        ("Cache-Control", "no-store"),
        (
            "Content-Security-Policy",
            f"default-src 'none'; style-src {_source(style)}; img-src data:; "
            "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        ),
        # The address holds the customer's distinct_id: no other site is told it.
        ("Referrer-Policy", "no-referrer"),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Robots-Tag", "noindex, nofollow"),
    ]


def _source(inline: str) -> str:
    """What allows a style sheet or script that stands in the page itself; to the byte."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()}'"


def register(app: Flask, style: str) -> None:
    """Put the style sheet into every page, and the headers onto every answer."""
    # It stands in the page itself: one request.
    app.jinja_env.globals["style_sheet"] = style
    app.wsgi_app = _WithHeaders(app.wsgi_app, site_headers(style))  # type: ignore[method-assign]


class _WithHeaders:
    """Adds the headers where answers leave, so that none leaves without."""

    def __init__(self, application: "WSGIApplication", headers: list[tuple[str, str]]) -> None:
        self._application = application
        self._headers = headers

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        def start(
            status: str, headers: list[tuple[str, str]], exc_info: Any = None, /
        ) -> Callable[[bytes], object]:
            return start_response(status, headers + self._headers, exc_info)

        return self._application(environ, start)
