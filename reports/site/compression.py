"""Pages in gzip.

They may hold a form's token beside words from the address, which could tell a stranger a secret by
the size of answers (BREACH). Here it does not: the part of the token that cannot be made up differs
from second to second, and no other site's request carries the cookie, but a visible click.
"""

import gzip

from flask import Response, request

from reports.site.context import ReportsSite

_TYPES = ("text/html", "text/css")
# A smaller answer fits into one packet as it is.
_SMALLEST = 1_000


def register(site: ReportsSite) -> None:
    """Compress pages and style sheets for clients that accept it."""
    site.after_request(_compress)


def _compress(response: Response) -> Response:
    if response.mimetype not in _TYPES or response.is_streamed or response.content_encoding:
        return response
    response.vary.add("Accept-Encoding")
    body = response.get_data()
    if len(body) >= _SMALLEST and request.accept_encodings["gzip"] > 0:
        response.set_data(gzip.compress(body, 6, mtime=0))
        response.content_encoding = "gzip"
    return response
