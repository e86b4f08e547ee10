"""What the site's views share: its settings, its database and its clock."""

from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import TYPE_CHECKING, cast

from flask import Flask, current_app
from itsdangerous import TimestampSigner

from survey.counting_rules import CountingRules
from survey.gathering import Gatherer
from survey.hedgehogs import HedgehogCounts
from survey.page_views import PageView
from survey.query_encoding import encode_query
from survey.rate_limits import RateLimits
from survey.receive import Arrival
from survey.rules import Answer
from survey.settings import Settings
from survey.site.compression import PageWithGap
from survey.site.readiness import Readiness
from survey.store.database import Database
from survey.store.group_commit import GroupCommit
from survey.vocabulary import DailyFigure
from survey.zendesk.receiving import Webhook

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


class SurveySite(Flask):
    """A Flask application that knows its settings, its database and its clock."""

    # A comment several times as long as allowed fits in, percent-encoded, in any script. The page
    # shows such a comment again, as it was typed. A larger body is not an answer.
    max_body_bytes = 256 * 1024
    settings: Settings
    rules: CountingRules
    database: Database
    clock: Callable[[], datetime]
    # Takes what was submitted, and gives the answer when it is stored.
    intake: GroupCommit[Arrival, Answer]
    # Takes page views, and tells for each whether there was room.
    page_view_intake: GroupCommit[PageView, bool]
    # Takes webhooks of the help desk, and tells for each whether it was new.
    webhook_intake: GroupCommit[Webhook, bool]
    hedgehogs: HedgehogCounts
    readiness: Readiness
    rate_limits: RateLimits
    # Counts the answers that were refused, for the operator.
    refusals: Gatherer[tuple[date, DailyFigure]]
    receipt_signer: TimestampSigner
    # The headers that every page has.
    page_headers: list[tuple[str, str]]
    # Blank pages, rendered once for each language and preselected face.
    blank_pages: dict[tuple[str, int | None], tuple[PageWithGap, str]]

    def wsgi_app(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer a request, whatever bytes its query holds."""
        environ["QUERY_STRING"] = encode_query(environ.get("QUERY_STRING", ""))
        return super().wsgi_app(environ, start_response)


def current_site() -> SurveySite:
    """Return the site that handles the current request."""
    return cast(SurveySite, current_app._get_current_object())  # type: ignore[attr-defined]
