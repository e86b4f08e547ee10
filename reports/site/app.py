"""The reports site as a WSGI application."""

from collections.abc import Callable
from datetime import datetime

from flask_wtf import CSRFProtect
from jinja2 import StrictUndefined

from reports.loading import ReportLoader
from reports.passwords import Passwords
from reports.pending_changes import PendingChanges
from reports.site import (
    account,
    addresses,
    audit,
    compression,
    donation_closing,
    donation_money,
    donations,
    errors,
    headers,
    index,
    login,
    marks,
    openid,
    reports,
    roles,
    sessions,
    style,
    weeks,
    words,
)
from reports.site.context import ReportsSite
from survey.clock import now
from survey.counting_rules import CountingRules
from survey.logs import configure_logs
from survey.request_ids import Identified
from survey.response_headers import has_tls
from survey.settings import Settings
from survey.signing_keys import derive_keys
from survey.store.database import Database


def create_reports_site(
    settings: Settings, database: Database, clock: Callable[[], datetime] = now
) -> ReportsSite:
    """Return the reports site on a database whose schema is current.

    Raise SettingsError if `CSAT_SECRET_KEY` is not set.
    """
    configure_logs(settings.log_format)
    site = ReportsSite("reports", static_folder=None)
    site.settings, site.database, site.clock = settings, database, clock
    site.passwords = Passwords()
    site.loader = ReportLoader(database, settings, clock)
    site.pending = PendingChanges(CountingRules.of(settings))
    site.config.update(_configuration(settings))
    site.jinja_env.trim_blocks = site.jinja_env.lstrip_blocks = True
    site.jinja_env.undefined = StrictUndefined
    addresses.register(site)
    words.register(site)
    # What is registered first sees an answer last.
    headers.register(site)
    compression.register(site)
    sessions.register(site)
    roles.register(site)
    # Whoever is not signed in goes to the sign-in page before a form is looked at.
    CSRFProtect(site)
    numbers = (index, reports, weeks, marks, donations, donation_closing, donation_money)
    for part in (style, *numbers, login, openid, account, audit, errors):
        part.register(site)
    site.wsgi_app = Identified(  # type: ignore[method-assign]
        site.wsgi_app, is_behind_proxy=settings.trusted_proxies > 0
    )
    return site


def _configuration(settings: Settings) -> dict[str, object]:
    secret_keys = settings.require_secret_keys()
    *earlier, signing = derive_keys(secret_keys, "reports session")
    return {
        "SECRET_KEY": signing,
        "SECRET_KEY_FALLBACKS": earlier,
        "SESSION_COOKIE_NAME": "csat_reports",
        "SESSION_COOKIE_PATH": "/reports",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "SESSION_COOKIE_SECURE": has_tls(settings),
        "MAX_CONTENT_LENGTH": ReportsSite.max_body_bytes,
        # Flask-WTF hands them all on to itsdangerous.
        "WTF_CSRF_SECRET_KEY": derive_keys(secret_keys, "reports form"),
        # A form's token holds as long as the session that it belongs to.
        "WTF_CSRF_TIME_LIMIT": None,
        # Our pages tell no page, not even ours, from where somebody comes.
        "WTF_CSRF_SSL_STRICT": False,
    }
