"""The headers of every page: nothing is stored, nothing is fetched from anybody else."""

import base64
import hashlib
from pathlib import Path

from flask import Flask, Response

_STYLE = (Path(__file__).parents[1] / "static" / "survey.css").read_text(encoding="utf-8")


def register(app: Flask) -> None:
    """Put the style sheet into every page, and the headers onto every answer."""
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )

    def add_headers(response: Response) -> Response:
        response.headers.update(
            {
                "Cache-Control": "no-store",
                "Content-Security-Policy": policy,
                # The address holds the customer's distinct_id: no other site is told it.
                "Referrer-Policy": "no-referrer",
                "X-Content-Type-Options": "nosniff",
                "X-Robots-Tag": "noindex, nofollow",
            }
        )
        return response

    app.after_request(add_headers)
    # The style sheet stands in the page itself, one request, so its hash must match to the byte.
    app.jinja_env.globals["style_sheet"] = _STYLE
