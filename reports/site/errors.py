"""Friendly error pages. None of them tells how the site is built."""

import structlog
from flask import request
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from reports.site.context import ReportsSite
from reports.site.pages import render_page
from reports.site.sessions import signed_in_user
from survey.request_ids import ENVIRON_KEY
from survey.store.errors import StoreError
from survey.store.users import User

log = structlog.get_logger()

_PAGES = {
    400: (
        "This request cannot be read",
        "Please go back, load the page again, and try once more.",
    ),
    403: (
        "This page is not open to you",
        "Your role does not include it. An admin of the reports can say who may see it.",
    ),
    404: (
        "There is nothing here",
        "The address may be mistyped, or what it named is no more.",
    ),
    405: (
        "That did not work",
        "This address cannot be opened in this way. Please begin at the first page.",
    ),
    413: (
        "That is too much",
        "What was sent is longer than any form here can be. Please go back and shorten it.",
    ),
    429: (
        "That was too often",
        "Please wait a minute, and try again.",
    ),
    500: (
        "Something went wrong on our side",
        "It is in the log. Please try again in a minute.",
    ),
    503: (
        "The reports cannot be reached right now",
        "The database does not answer. Please try again in a minute.",
    ),
}

_OLD_FORM = (
    "This form is out of date",
    "Somebody signed in or out in this browser after it was opened, or the browser keeps no "
    "cookies. Please go back, load the page again, and send it once more.",
)


def error_page(status: int, title: str, advice: str) -> tuple[str, int]:
    """Return a page that says what happened and what to do."""
    # When something fails here, the page must not fail for the same reason.
    user = None if status >= 500 else _find_user()
    request_id = request.environ.get(ENVIRON_KEY)
    page = render_page("error.html", user, title=title, advice=advice, request_id=request_id)
    return page, status


def register(site: ReportsSite) -> None:
    """Answer every HTTP error, and every error of our own, with a page."""
    site.register_error_handler(CSRFError, _show_old_form)
    site.register_error_handler(StoreError, _show_store_error)
    site.register_error_handler(HTTPException, _show_http_error)
    site.register_error_handler(Exception, _show_failure)


def _page_of(status: int) -> tuple[str, int]:
    return error_page(status, *_PAGES.get(status, _PAGES[400] if status < 500 else _PAGES[500]))


def _show_old_form(_error: CSRFError) -> tuple[str, int]:
    return error_page(400, *_OLD_FORM)


def _show_http_error(error: HTTPException) -> tuple[str, int] | HTTPException:
    status = error.code or 500
    return error if status < 400 else _page_of(status)


def _show_store_error(error: StoreError) -> tuple[str, int]:
    log.warning("reports cannot reach the database", path=request.path, reason=str(error))
    return _page_of(503)


def _show_failure(error: Exception) -> tuple[str, int]:
    # The query may hold what somebody searched for, so only the path is logged.
    log.error("request failed", path=request.path, method=request.method, exc_info=error)
    return _page_of(500)


def _find_user() -> User | None:
    try:
        return signed_in_user()
    except StoreError:
        return None
