"""What the views of the reports site share: its settings, its database and its clock."""

from collections.abc import Callable, Iterable
from datetime import datetime
from string import punctuation
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

from flask import Flask, current_app

from reports.loading import ReportLoader
from reports.passwords import Passwords
from survey.settings import Settings
from survey.store.database import Database

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


class ReportsSite(Flask):
    """A Flask application that knows its settings, its database and its clock."""

    # Forms are short: names, passwords, the few words of a mark.
    max_body_bytes = 64 * 1024
    settings: Settings
    database: Database
    clock: Callable[[], datetime]
    passwords: Passwords
    loader: ReportLoader

    def wsgi_app(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer a request. Percent-encode the query first if it holds other bytes than ASCII:
        they are then read as text, or as question marks where they are not text."""
        query = environ.get("QUERY_STRING", "")
        if not query.isascii():
            environ["QUERY_STRING"] = quote(query.encode("latin-1"), safe=punctuation)
        return super().wsgi_app(environ, start_response)


def current_site() -> ReportsSite:
    """Return the site that handles the current request."""
    return cast(ReportsSite, current_app._get_current_object())  # type: ignore[attr-defined]
