"""`/unsubscribe`: a customer who wants no more invitations says so."""

from urllib.parse import urlencode

import structlog
from flask import Blueprint, render_template, request
from flask_babel import gettext as _

from survey.invitations.tokens import read_token
from survey.site.context import current_site
from survey.site.errors import error_page
from survey.site.language import current_language
from survey.store.errors import StoreError
from survey.store.inviting import find_unsubscribed, save_unsubscribed

unsubscribe = Blueprint("unsubscribe", __name__)
log = structlog.get_logger()

Page = str | tuple[str, int]


@unsubscribe.get("/unsubscribe")
def show_button() -> Page:
    """Return a page with a button. A visit to this page changes nothing: mail scanners open every
    link."""
    customer = _find_customer()
    if customer is None:
        return _refuse_token()
    site = current_site()
    try:
        with site.database.reading() as connection:
            is_done = customer in find_unsubscribed(connection, [customer])
    except StoreError as error:
        log.error("unsubscribed customers not read", reason=str(error))
        is_done = False
    return _show(is_done=is_done)


@unsubscribe.post("/unsubscribe")
def save() -> Page:
    """Keep that the customer wants no more invitations: by the button of the page, or by that of
    the mail program, which sends the same without a page (RFC 8058)."""
    customer = _find_customer()
    if customer is None:
        return _refuse_token()
    site = current_site()
    try:
        # Whoever presses the button again and again makes no commit.
        with site.database.reading() as connection:
            is_done = customer in find_unsubscribed(connection, [customer])
        if not is_done:
            with site.database.writing() as connection:
                save_unsubscribed(connection, customer, site.clock())
    except StoreError as error:
        log.error("customer not unsubscribed", reason=str(error))
        return error_page(
            503,
            _("You could not be unsubscribed just now"),
            _("Please go back and try again in a minute."),
        )
    return _show(is_done=True)


def _find_customer() -> str | None:
    keys = current_site().settings.require_secret_keys()
    return read_token(request.args.get("token", ""), keys)


def _show(*, is_done: bool) -> str:
    parameters = {"token": request.args["token"], "lang": current_language().tag}
    action = f"{request.script_root}/unsubscribe?{urlencode(parameters)}"
    return render_template("unsubscribe.html", action=action, is_done=is_done)


def _refuse_token() -> tuple[str, int]:
    return error_page(
        400,
        _("This link is not complete"),
        _("Please open the link at the end of our e-mail again, all of it, or reply to it."),
    )
