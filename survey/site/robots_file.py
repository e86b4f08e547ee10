"""`/robots.txt`: what it tells search engines."""

from flask import Blueprint

robots_file = Blueprint("robots_file", __name__)

# A search engine that is kept from a page never sees that it must not list it, and lists its
# address alone, which may hold a customer's distinct_id.
_TEXT = """\
# Nothing here is for a search engine: every answer says so by X-Robots-Tag.
# A robot that may not fetch a page would not see that, so none is kept out.
User-agent: *
Disallow:
"""


@robots_file.get("/robots.txt")
def show_robots_file() -> tuple[str, dict[str, str]]:
    """Return the file."""
    return _TEXT, {"Content-Type": "text/plain; charset=utf-8"}
