"""Signing in at an OpenID provider, by the authorization code flow with PKCE, state and nonce."""

from typing import Any

import structlog
from authlib.integrations.flask_client import OAuth, OAuthError
from flask import current_app, redirect, request, session
from joserfc.errors import JoseError
from requests import RequestException
from werkzeug.wrappers import Response

from reports.site import audit
from reports.site.claims import read_names, read_role, read_subject
from reports.site.context import ReportsSite, current_site
from reports.site.errors import error_page
from reports.site.next_address import own_address
from reports.site.roles import allow_everybody
from reports.site.sessions import begin_session
from survey.store.users import User, find_user_by_subject, save_openid_user

_NAME = "provider"
_EXTENSION = "authlib.integrations.flask_client"
# Where Authlib keeps what it needs to know when somebody comes back.
_STATE_PREFIX = f"_state_{_NAME}_"
# The longest wait for a provider to go on with an answer.
_TIMEOUT_SECONDS = 5

# What goes wrong when a provider is away, or says what nobody expects.
_PROVIDER_ERRORS = (
    AttributeError,
    LookupError,
    RequestException,
    RuntimeError,
    TypeError,
    ValueError,
)

CALLBACK = "/reports/login/openid/callback"

BY_OPENID = "by OpenID"

Claims = dict[str, Any]

log = structlog.get_logger()


def register(site: ReportsSite) -> None:
    """Add the way to the provider and back, where one is configured."""
    settings = site.settings
    if settings.oidc_issuer is None or settings.oidc_client_secret is None:
        return
    OAuth(site).register(
        _NAME,
        server_metadata_url=f"{settings.oidc_issuer}/.well-known/openid-configuration",
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_client_secret.get_secret_value(),
        client_kwargs={
            "scope": "openid profile email",
            "code_challenge_method": "S256",
            "default_timeout": _TIMEOUT_SECONDS,
        },
    )
    site.add_url_rule("/reports/login/openid", "openid", go_to_provider)
    site.add_url_rule(CALLBACK, "openid_callback", come_back)


@allow_everybody
def go_to_provider() -> Response | tuple[str, int]:
    """Return the way to the provider."""
    # What was begun and not ended would fill the cookie.
    for key in [key for key in session if key.startswith(_STATE_PREFIX)]:
        del session[key]
    session["next"] = own_address(request.args.get("next"))
    try:
        response: Response = _client().authorize_redirect(
            f"{current_site().settings.base_url}{CALLBACK}"
        )
    except _PROVIDER_ERRORS as error:
        return _blame_provider(error)
    return response


@allow_everybody
def come_back() -> Response | tuple[str, int]:
    """Sign in whom the provider vouches for, if it gives them a role and they are not disabled."""
    try:
        claims = _ask_provider()
    except (OAuthError, JoseError) as error:
        if isinstance(error, JoseError):
            _forget_provider()
        log.warning("sign-in at the provider failed", reason=type(error).__name__)
        return error_page(
            400, "Signing in did not work", "It was broken off, or took too long. Please try again."
        )
    except _PROVIDER_ERRORS as error:
        return _blame_provider(error)
    user = _save_user(claims)
    if user is None or not user.is_enabled:
        return _refuse(user or _find_known(claims))
    address = own_address(session.get("next"))
    audit.record_for(user, audit.SIGNED_IN, BY_OPENID)
    begin_session(user)
    return redirect(address, 303)


def _client() -> Any:
    return current_app.extensions[_EXTENSION].create_client(_NAME)


def _forget_provider() -> None:
    """Forget what the provider said of itself, which may have been wrong, and is asked for anew."""
    for key in ("_loaded_at", "jwks"):
        _client().server_metadata.pop(key, None)


def _ask_provider() -> Claims:
    """Return what the provider says of who comes back. Raise OAuthError or JoseError if that is
    not proven, and others if the provider cannot be understood."""
    client = _client()
    metadata = client.load_server_metadata()
    expected = {
        "iss": {"essential": True, "values": [metadata["issuer"]]},
        "aud": {"essential": True, "values": [client.client_id]},
    }
    token = client.authorize_access_token(claims_options=expected)
    claims: Claims = dict(token["userinfo"])
    role_claim = current_site().settings.oidc_role_claim
    if role_claim not in claims and "userinfo_endpoint" in metadata:
        # Some providers say in the token only who somebody is, and the rest when asked.
        more = client.userinfo(token=token)
        if more.get("sub") == claims["sub"]:
            claims = {**more, **claims}
    return claims


def _save_user(claims: Claims) -> User | None:
    """Return the user whom claims describe, with the role that they give; None without a role."""
    site = current_site()
    role = read_role(claims, site.settings.oidc_role_claim)
    subject = _subject(claims)
    if role is None or subject is None:
        return None
    with site.database.writing() as connection:
        return save_openid_user(connection, subject, read_names(claims), role, site.clock())


def _find_known(claims: Claims) -> User | None:
    subject = _subject(claims)
    with current_site().database.reading() as connection:
        return find_user_by_subject(connection, subject) if subject else None


def _subject(claims: Claims) -> str | None:
    return read_subject(claims, str(current_site().settings.oidc_issuer))


def _refuse(user: User | None) -> tuple[str, int]:
    audit.record_for(user, audit.REFUSED, BY_OPENID)
    claim = current_site().settings.oidc_role_claim
    return error_page(
        403,
        "You cannot read the reports yet",
        "Signing in worked, but no role is open to you here. Please ask whoever runs the sign-in "
        f"provider: its claim {claim} has to say lead, finance or admin. If it does, ask an admin "
        "of the reports whether your account is disabled.",
    )


def _blame_provider(error: Exception) -> tuple[str, int]:
    _forget_provider()
    log.error("the sign-in provider cannot be used", exc_info=error)
    return error_page(
        503,
        "The sign-in provider cannot be reached right now",
        "Please try again in a minute, or sign in with a password if you have one here.",
    )
