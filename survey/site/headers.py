"""The headers of every page: a browser stores nothing, and fetches nothing from other sites."""

import base64
import hashlib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from survey.site.context import SurveySite

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment


def site_headers(styles: Iterable[str], script: str) -> list[tuple[str, str]]:
    """Return the headers for every answer of a site. Its pages contain these style sheets and
    this script."""
    return [
        ("Cache-Control", "no-store"),
        (
            "Content-Security-Policy",
            f"default-src 'none'; style-src {' '.join(map(_source, styles))}; "
            f"script-src {_source(script)}; connect-src 'self'; img-src data:; "
            "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
        ),
        # The address holds the customer's distinct_id, so no other site may learn the address.
        ("Referrer-Policy", "no-referrer"),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Robots-Tag", "noindex, nofollow"),
    ]


def _source(inline: str) -> str:
    """Return the policy source that allows exactly this style sheet or script inside a page."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()}'"


def register(app: SurveySite, style: str, hedgehogs_style: str, script: str) -> None:
    """Put style sheets and script into the pages, and add the headers to every answer."""
    # The page contains them, so a browser needs only one request.
    app.jinja_env.globals["style_sheet"] = style
    app.jinja_env.globals["hedgehogs_style_sheet"] = hedgehogs_style
    app.jinja_env.globals["script"] = script
    app.page_headers = site_headers((style, hedgehogs_style), script)
    app.wsgi_app = _WithHeaders(app.wsgi_app, app.page_headers)  # type: ignore[method-assign]


class _WithHeaders:
    """Adds the headers to every answer, as the last step. A header that a view has set itself
    stays as it is."""

    def __init__(self, application: "WSGIApplication", headers: list[tuple[str, str]]) -> None:
        self._application = application
        self._headers = headers

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        def start(
            status: str, headers: list[tuple[str, str]], exc_info: Any = None, /
        ) -> Callable[[bytes], object]:
            given = {name.lower() for name, _ in headers}
            ours = [(name, value) for name, value in self._headers if name.lower() not in given]
            return start_response(status, headers + ours, exc_info)

        return self._application(environ, start)
