"""Who may see which page. Each view declares it; one that does not is closed to everybody."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import abort, current_app, redirect, request, session, url_for
from werkzeug.wrappers import Response

from reports.site.context import ReportsSite
from reports.site.sessions import continue_session, signed_in_user
from survey.store.users import User
from survey.vocabulary import Role

View = TypeVar("View", bound=Callable[..., Any])

_ATTRIBUTE = "access"


@dataclass(frozen=True)
class Access:
    """Who may see a page: users of some roles, or everybody."""

    roles: frozenset[Role] = frozenset()
    is_public: bool = False

    def permits(self, user: User) -> bool:
        """Return whether a user may see the page."""
        return self.is_public or user.role in self.roles


def allow(*roles: Role) -> Callable[[View], View]:
    """Declare that signed-in users of these roles may see a view."""
    return _declare(Access(frozenset(roles)))


def allow_signed_in(view: View) -> View:
    """Declare that every signed-in user may see a view."""
    return _declare(Access(frozenset(Role)))(view)


def allow_everybody(view: View) -> View:
    """Declare that everybody may see a view, also who is not signed in."""
    return _declare(Access(is_public=True))(view)


def access_of(endpoint: str) -> Access | None:
    """Return who may see an endpoint; None if its view does not declare it."""
    access: Access | None = getattr(current_app.view_functions[endpoint], _ATTRIBUTE, None)
    return access


def register(site: ReportsSite) -> None:
    """Let only those see a page who may."""
    site.before_request(_check_access)


def _declare(access: Access) -> Callable[[View], View]:
    def mark(view: View) -> View:
        setattr(view, _ATTRIBUTE, access)
        return view

    return mark


def _check_access() -> Response | None:
    """Return the way to the sign-in page for whoever has to sign in; None for whoever may go on.
    Abort with 403 for all others."""
    if request.endpoint is None:
        return None  # there is no such page, which is said to everybody
    access = access_of(request.endpoint)
    if access is None:
        abort(403)
    if access.is_public:
        return None
    user = signed_in_user()
    if user is None:
        if "_user_id" in session:
            # What has ended does not begin anew, not even when a clock is set back.
            session.clear()
        return redirect(url_for("login", next=_wanted_address()), 303)
    if not access.permits(user):
        abort(403)
    continue_session()
    return None


def _wanted_address() -> str | None:
    """Return the address to come back to, or None: a form cannot be sent by coming back."""
    if request.method not in ("GET", "HEAD"):
        return None
    query = request.query_string.decode("ascii", "replace")
    return f"{request.path}?{query}" if query else request.path
