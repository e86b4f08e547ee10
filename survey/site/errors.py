"""Friendly error pages. None of them tells a stranger how the site is built."""

import structlog
from flask import Flask, Response, render_template, request
from flask_babel import lazy_gettext as _
from werkzeug.exceptions import HTTPException

from survey.links import LinkError, MissingTicket
from survey.request_ids import ENVIRON_KEY, PLACEHOLDER
from survey.site.context import SurveySite

log = structlog.get_logger()

_PAGES = {
    400: (
        _("This request cannot be read"),
        _("Please open the link from your e-mail again."),
    ),
    403: (
        _("This link is not complete"),
        _(
            "It may have been cut off on its way. Please open it from the e-mail itself, "
            "or reply to that e-mail: we read it."
        ),
    ),
    404: (
        _("There is nothing here"),
        _("The survey opens with the link from your e-mail."),
    ),
    405: (
        _("That did not work"),
        _("Please open the link from your e-mail again."),
    ),
    413: (
        _("That is too much text"),
        _("A comment can have 5,000 characters. Please go back, shorten it and send it again."),
    ),
    500: (
        _("Something went wrong on our side"),
        _("Your answer may not have been saved. Please go back and send it again in a minute."),
    ),
}

_NO_TICKET = (
    _("This link does not say which ticket it is about"),
    _(
        "Please open the link from your e-mail again, all of it: mail programs sometimes cut "
        "long links in two."
    ),
)

_DAMAGED = (
    _("This link is damaged"),
    _("Please open it from the e-mail itself, without changing it."),
)


def _page_of(status: int) -> tuple[str, int]:
    return error_page(status, *_words_of(status))


def _words_of(status: int) -> tuple[str, str]:
    return _PAGES.get(status, _PAGES[400] if status < 500 else _PAGES[500])


def error_page(status: int, title: str, advice: str) -> tuple[str, int]:
    """Return a page that says what happened and what to do."""
    request_id = request.environ.get(ENVIRON_KEY)
    page = render_template("error.html", title=title, advice=advice, request_id=request_id)
    return page, status


# The statuses with which a server refuses requests that it does not give to the application.
REFUSALS = (400, 408, 413, 417, 431, 500, 503)


def refusal_pages(site: SurveySite) -> dict[int, Response]:
    """Return the pages for requests that a server refuses before the site sees them, by status.

    They are in English, because the language of such a request is not known.
    """
    return {status: _fixed_page(site, status, *_words_of(status)) for status in REFUSALS}


def reports_unreachable_page(site: SurveySite) -> Response:
    """Return the page for a request that the reports site does not answer. It is in English, as the
    reports are."""
    title = "The reports cannot be reached now"
    advice = (
        "Please try again in a minute. If a large file does not come, choose a shorter period or "
        "fewer teams."
    )
    return _fixed_page(site, 503, title, advice)


def _fixed_page(site: SurveySite, status: int, title: str, advice: str) -> Response:
    """Return a page that is made once, before any request, with the headers of every page and a
    place for the request's id."""
    with site.test_request_context("/", environ_overrides={ENVIRON_KEY: PLACEHOLDER}):
        page = Response(*error_page(status, title, advice))
    page.headers.extend(site.page_headers)
    return page


def register_error_pages(app: Flask) -> None:
    """Answer every HTTP error, and every error of our own, with a page."""

    def show_bad_link(error: LinkError) -> tuple[str, int]:
        # The link was damaged on its way, or made up. An answer cannot be stored without a ticket.
        return error_page(400, *(_NO_TICKET if isinstance(error, MissingTicket) else _DAMAGED))

    def show_http_error(error: HTTPException) -> tuple[str, int] | HTTPException:
        status = error.code or 500
        if status < 400:
            return error
        return _page_of(status)

    def show_failure(error: Exception) -> tuple[str, int]:
        # The address holds personal data, so only the path is logged.
        log.error("request failed", path=request.path, method=request.method, exc_info=error)
        return _page_of(500)

    app.register_error_handler(LinkError, show_bad_link)
    app.register_error_handler(HTTPException, show_http_error)
    app.register_error_handler(Exception, show_failure)
