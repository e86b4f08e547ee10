"""`POST /shown`: the survey page reports that a customer has looked at it."""

from uuid import UUID

import structlog
from flask import Blueprint, Response, request
from werkzeug.exceptions import BadRequest

from survey.errors import CsatError
from survey.links import LinkError
from survey.page_views import PageView
from survey.rate_limits import Scope
from survey.site.context import current_site
from survey.site.deferred import DeferredResponse
from survey.site.language import current_language
from survey.site.limits import current_client, find_refusal
from survey.site.robots import is_no_customer
from survey.site.visitor import current_visitor

shown = Blueprint("shown", __name__)
log = structlog.get_logger()

# The body is one uuid as text.
MAX_BODY_BYTES = 64

Answer = tuple[str, int]


@shown.errorhandler(LinkError)
def refuse_link(_error: LinkError) -> Answer:
    """Answer 400 without a body: none of our pages has such a link, and nobody reads the answer."""
    return "", 400


@shown.post("/shown")
def note_page_view() -> Answer | Response:
    """Put the page view into the outbox. Refuse a link for the same reasons as the survey page.

    The customer never sees the answer, so the answer is only a status: 429 if there were too many
    page views, 503 if the store fails. The page tries neither again.
    """
    site, visitor = current_site(), current_visitor()
    page_id = _page_id()
    if is_no_customer(request.headers):
        return "", 204
    if find_refusal(Scope.PAGE_VIEW, visitor, current_client()):
        return "", 429
    view = PageView(
        visitor.link, visitor.trust, page_id, language=current_language().tag, at=site.clock()
    )
    return DeferredResponse(
        site,
        site.page_view_intake.submit(view),
        stored=lambda had_room: Response(status=204 if had_room else 429),
        failed=_not_stored,
    )


def _not_stored(error: CsatError) -> Answer:
    log.error("page view not stored", reason=str(error))
    return "", 503


def _page_id() -> str:
    """Return the page's own id, which shows a repeat. Raise BadRequest for any other body."""
    request.max_content_length = MAX_BODY_BYTES
    try:
        return str(UUID(request.get_data(cache=False).decode("ascii")))
    except ValueError:
        raise BadRequest from None
