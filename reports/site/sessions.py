"""Sessions: who is signed in, for how long, and what ends it.

A session is a signed cookie. It holds the user's id and the session version with which it began:
whatever raises the user's version ends it (`survey.store.users`).
"""

from dataclasses import dataclass
from datetime import timedelta

from flask import session
from flask_login import LoginManager, current_user, login_user, logout_user

from reports.site.context import ReportsSite, current_site
from survey.store.users import User, find_user_by_id

# Without a click for so long, somebody has left the desk.
IDLE_TIMEOUT = timedelta(minutes=60)
# However busy, one signs in once a working day.
ABSOLUTE_TIMEOUT = timedelta(hours=12)
# The time of the last click is noted no more often than this, so that few answers set a cookie.
SEEN_EVERY = timedelta(minutes=1)


@dataclass(frozen=True)
class _Visitor:
    """A user, with what Flask-Login asks of one."""

    user: User
    is_authenticated = True
    is_active = True
    is_anonymous = False

    def get_id(self) -> str:
        """Return what the session remembers the user by."""
        return str(self.user.id)


def register(site: ReportsSite) -> None:
    """Let the site know its users by their sessions."""
    # The templates get the user from our own code, which can do without the database.
    manager = LoginManager()
    manager.init_app(site, add_context_processor=False)
    # Addresses of clients change while they move; the cookie is protected by its flags.
    manager.session_protection = None
    manager.user_loader(_find_visitor)


def begin_session(user: User) -> None:
    """Sign a user in. Nothing of an earlier session stays."""
    session.clear()
    login_user(_Visitor(user))
    now = _seconds()
    session["session_version"] = user.session_version
    session["began_at"] = session["seen_at"] = now


def end_session() -> None:
    """Sign the user out, in this browser."""
    logout_user()
    session.clear()


def continue_session() -> None:
    """Note that the user is still there."""
    now = _seconds()
    if now - session["seen_at"] >= SEEN_EVERY.total_seconds():
        session["seen_at"] = now


def signed_in_user() -> User | None:
    """Return who is signed in, or None. Raise StoreError if the database cannot tell."""
    return current_user.user if current_user.is_authenticated else None


def _find_visitor(user_id: str) -> _Visitor | None:
    """Return the user of a session, or None if the session has ended."""
    if not _is_in_time():
        return None
    with current_site().database.reading() as connection:
        user = find_user_by_id(connection, int(user_id))
    if user is None or not user.is_enabled:
        return None
    return _Visitor(user) if user.session_version == session.get("session_version") else None


def _is_in_time() -> bool:
    now = _seconds()
    idle, age = (now - int(session.get(key, 0)) for key in ("seen_at", "began_at"))
    return idle < IDLE_TIMEOUT.total_seconds() and age < ABSOLUTE_TIMEOUT.total_seconds()


def _seconds() -> int:
    return int(current_site().clock().timestamp())
