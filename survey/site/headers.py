"""The headers of every page: nothing is stored, nothing is fetched from anybody else.

A page that holds nothing personal may say itself how long it can be kept.
"""

import base64
import hashlib
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Flask

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

_STATIC = Path(__file__).parents[1] / "static"


def _read(name: str) -> str:
    return (_STATIC / name).read_text(encoding="utf-8")


def _hash_of(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


_STYLE = _read("survey.css")
_HEDGEHOGS_STYLE = _read("hedgehogs.css")
# Without what is for its readers alone: indents, and lines that are comments.
_SCRIPT = re.sub(r"(?m)^\s*(?://.*\n)?", "", _read("survey.js"))

HEADERS = [
    ("Cache-Control", "no-store"),
    (
        "Content-Security-Policy",
        f"default-src 'none'; style-src '{_hash_of(_STYLE)}' '{_hash_of(_HEDGEHOGS_STYLE)}'; "
        f"script-src '{_hash_of(_SCRIPT)}'; connect-src 'self'; img-src data:; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    # The address holds the customer's distinct_id: no other site is told it.
    ("Referrer-Policy", "no-referrer"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Robots-Tag", "noindex, nofollow"),
]


def register(app: Flask) -> None:
    """Put style sheets and script into the pages, and the headers onto every answer."""
    # They stand in the page itself, one request, so their hashes must match to the byte.
    app.jinja_env.globals["style_sheet"] = _STYLE
    app.jinja_env.globals["hedgehogs_style_sheet"] = _HEDGEHOGS_STYLE
    app.jinja_env.globals["script"] = _SCRIPT
    app.wsgi_app = _WithHeaders(app.wsgi_app)  # type: ignore[method-assign]


class _WithHeaders:
    """Adds the headers where answers leave, so that none leaves without."""

    def __init__(self, application: "WSGIApplication") -> None:
        self._application = application

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        def start(
            status: str, headers: list[tuple[str, str]], exc_info: Any = None, /
        ) -> Callable[[bytes], object]:
            given = {name.lower() for name, _ in headers}
            ours = [(name, value) for name, value in HEADERS if name.lower() not in given]
            return start_response(status, headers + ours, exc_info)

        return self._application(environ, start)
