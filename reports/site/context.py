"""What the views of the reports site share: its settings, its database and its clock."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, cast

from flask import Flask, current_app

from reports.loading import ReportLoader
from reports.passwords import Passwords
from reports.pending_changes import PendingChanges
from survey.query_encoding import encode_query
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
    pending: PendingChanges
    # The headers that every answer has.
    page_headers: list[tuple[str, str]]

    def wsgi_app(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer a request, whatever bytes its query holds."""
        environ["QUERY_STRING"] = encode_query(environ.get("QUERY_STRING", ""))
        return super().wsgi_app(environ, start_response)


def current_site() -> ReportsSite:
    """Return the site that handles the current request."""
    return cast(ReportsSite, current_app._get_current_object())  # type: ignore[attr-defined]
