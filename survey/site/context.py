"""What the site's views share: its settings, its database and its clock."""

from collections.abc import Callable, Iterable
from datetime import datetime
from string import punctuation
from typing import TYPE_CHECKING, cast
from urllib.parse import quote

from flask import Flask, current_app
from itsdangerous import TimestampSigner

from survey.counting_rules import CountingRules
from survey.hedgehogs import HedgehogCounts
from survey.page_views import PageView
from survey.receive import Arrival
from survey.rules import Answer
from survey.settings import Settings
from survey.site.compression import PageWithGap
from survey.site.readiness import Readiness
from survey.store.database import Database
from survey.store.group_commit import GroupCommit

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


class SurveySite(Flask):
    """A Flask application that knows its settings, its database and its clock."""

    # A comment of several times what is allowed fits in any script, percent-encoded, and comes
    # back with what was typed; more than that is no answer.
    max_body_bytes = 256 * 1024
    settings: Settings
    rules: CountingRules
    database: Database
    clock: Callable[[], datetime]
    # Takes what was submitted; answers once it is stored.
    intake: GroupCommit[Arrival, Answer]
    # Takes page views; answers whether there was room for one.
    page_view_intake: GroupCommit[PageView, bool]
    hedgehogs: HedgehogCounts
    readiness: Readiness
    receipt_signer: TimestampSigner
    # The headers that every page has.
    page_headers: list[tuple[str, str]]
    # Rendered once for each language and preselected face.
    blank_pages: dict[tuple[str, int | None], tuple[PageWithGap, str]]

    def wsgi_app(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer a request, also one whose query holds bytes as they are: percent-encoded they
        are a text like any other, or question marks where they are none."""
        query = environ.get("QUERY_STRING", "")
        if not query.isascii():
            environ["QUERY_STRING"] = quote(query.encode("latin-1"), safe=punctuation)
        return super().wsgi_app(environ, start_response)


def current_site() -> SurveySite:
    """Return the site that handles the current request."""
    return cast(SurveySite, current_app._get_current_object())  # type: ignore[attr-defined]
