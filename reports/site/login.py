"""Signing in with a password, and signing out.

Every refused sign-in is the same page after the same time: nobody learns by it whether a name
exists, is disabled, or signs in elsewhere.
"""

import math

from flask import Response as FlaskResponse
from flask import make_response, redirect, request, url_for
from flask_limiter import Limiter
from flask_limiter.errors import RateLimitExceeded
from werkzeug.wrappers import Response

from reports.site import audit
from reports.site.context import ReportsSite, current_site
from reports.site.next_address import own_address
from reports.site.pages import render_page
from reports.site.roles import allow_everybody, allow_signed_in
from reports.site.sessions import begin_session, end_session, signed_in_user
from reports.user_names import find_name
from survey.clients import Client
from survey.clock import now
from survey.store.users import User, end_sessions, find_user, replace_hash

# Refused sign-ins: a whole office may have one address, and signs in at nine.
PER_ADDRESS = "10 per minute; 50 per hour"
PER_NAME = "5 per minute"

REFUSED = 401

BY_PASSWORD = "with a password"  # nosec B105 # words for the audit


def register(site: ReportsSite) -> None:
    """Add the pages, with a limit to refused sign-ins."""
    # One worker answers for the reports, so its memory knows all attempts.
    limiter = Limiter(_address_key, app=site, storage_uri="memory://")
    limited = limiter.limit(PER_ADDRESS, methods=["POST"], deduct_when=_was_refused)(
        limiter.limit(PER_NAME, key_func=_name_key, methods=["POST"], deduct_when=_was_refused)(
            login
        )
    )

    def show_limit(_error: RateLimitExceeded) -> Response:
        # The limiter goes by the real time, whatever clock the site has.
        reset_at = limiter.current_limit.reset_at if limiter.current_limit else 0
        return _show_too_often(max(1, math.ceil(reset_at - now().timestamp())))

    site.add_url_rule("/reports/login", "login", limited, methods=["GET", "POST"])
    site.add_url_rule("/reports/logout", "logout", logout, methods=["POST"])
    site.add_url_rule(
        "/reports/logout-everywhere", "logout_everywhere", logout_everywhere, methods=["POST"]
    )
    site.register_error_handler(RateLimitExceeded, show_limit)


@allow_everybody
def login() -> Response:
    """Return the page to sign in at, or sign somebody in."""
    if request.method == "POST":
        return _sign_in(request.form.get("username", ""), request.form.get("password", ""))
    if signed_in_user():
        return redirect(_next_address(), 303)
    return _show_form()


@allow_signed_in
def logout() -> Response:
    """Sign the user out in this browser."""
    audit.record_for(signed_in_user(), audit.SIGNED_OUT)
    end_session()
    return redirect(url_for("login"), 303)


@allow_signed_in
def logout_everywhere() -> Response:
    """Sign the user out in every browser."""
    user = signed_in_user()
    if user:
        with current_site().database.writing() as connection:
            end_sessions(connection, user.id)
        audit.record_for(user, audit.SIGNED_OUT_EVERYWHERE)
    end_session()
    return redirect(url_for("login"), 303)


def _sign_in(typed_name: str, password: str) -> Response:
    user = _find(typed_name)
    # This takes its time whoever it is, and says in the same time that it is nobody.
    is_right = current_site().passwords.verify(user.password_hash if user else None, password)
    if user is None or not is_right or not user.is_enabled:
        audit.record_for(user, audit.REFUSED, BY_PASSWORD)
        return _show_form(REFUSED, message="The name or the password is not right.")
    _renew_hash(user, password)
    audit.record_for(user, audit.SIGNED_IN, BY_PASSWORD)
    begin_session(user)
    return redirect(_next_address(), 303)


def _find(typed_name: str) -> User | None:
    name = find_name(typed_name)
    with current_site().database.reading() as connection:
        return find_user(connection, name or "")


def _renew_hash(user: User, password: str) -> None:
    """Store the password's hash anew if hashes are made with more effort now."""
    passwords = current_site().passwords
    if user.password_hash and passwords.is_outdated(user.password_hash):
        password_hash = passwords.hash(password)
        with current_site().database.writing() as connection:
            replace_hash(connection, user, password_hash)


def _show_form(status: int = 200, message: str = "", username: str = "") -> FlaskResponse:
    page = render_page(
        "login.html",
        None,
        message=message,
        username=username,
        next=_next_address(),
        with_openid=current_site().settings.oidc_issuer is not None,
    )
    return make_response(page, status)


def _show_too_often(seconds: int) -> Response:
    wait = f"{seconds} seconds" if seconds < 120 else f"{math.ceil(seconds / 60)} minutes"
    response = _show_form(
        429,
        message=f"That was tried too often. Please try again in {wait}.",
        username=find_name(request.form.get("username")) or "",
    )
    response.headers["Retry-After"] = str(seconds)
    return response


def _next_address() -> str:
    return own_address(request.values.get("next"))


def _was_refused(response: FlaskResponse) -> bool:
    return response.status_code == REFUSED


def _address_key() -> str:
    secret = current_site().settings.require_secret_key()
    return f"address {Client(request.remote_addr or '').hash(secret)}"


def _name_key() -> str:
    return f"name {find_name(request.form.get('username'))}"
