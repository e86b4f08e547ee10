"""The record of what users did, and the page that shows it to admins."""

from flask import abort, request

from reports.site.context import ReportsSite, current_site
from reports.site.pages import render_page
from reports.site.roles import allow
from reports.site.sessions import signed_in_user
from survey.store.audit import PAGE_SIZE, add_entry, list_entries
from survey.store.users import User
from survey.vocabulary import Role

SIGNED_IN = "signed in"
REFUSED = "sign-in refused"
SIGNED_OUT = "signed out"
SIGNED_OUT_EVERYWHERE = "signed out everywhere"

# Who tried to sign in by a name that nobody has. The name may be a password in the wrong field.
UNKNOWN = "unknown"

_LONGEST_TARGET = 500
_MOST_DIGITS = 15


def record(action: str, target: str) -> None:
    """Write on record what the current user did, and to what. Raise StoreError if it cannot be
    written: then the user must not see what is to be on record."""
    user = signed_in_user()
    if user is None:
        raise RuntimeError("nobody is signed in")
    record_for(user, action, target)


def record_for(user: User | None, action: str, target: str = "") -> None:
    """Write on record what a user did, or somebody unknown; raises StoreError."""
    name, role = (user.name, user.role.value) if user else (UNKNOWN, "")
    site = current_site()
    with site.database.writing() as connection:
        add_entry(connection, site.clock(), name, role, action, _printable(target))


def register(site: ReportsSite) -> None:
    """Add the page of the record."""
    site.add_url_rule("/reports/audit", "audit", show_audit)


@allow(Role.ADMIN)
def show_audit() -> str:
    """Return the record, the newest first, one page at a time."""
    with current_site().database.reading() as connection:
        entries = list_entries(connection, _read_id(request.args.get("before")), PAGE_SIZE + 1)
    shown = entries[:PAGE_SIZE]
    return render_page(
        "audit.html",
        signed_in_user(),
        entries=shown,
        is_first="before" not in request.args,
        older=shown[-1].id if len(entries) > len(shown) else None,
    )


def _read_id(text: str | None) -> int | None:
    """Return an id of an address, or None where there is none; abort with 404 for other text."""
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS):
        abort(404)
    return int(text)


def _printable(text: str) -> str:
    """Return a text with question marks for what cannot be printed, or stored; a space that breaks
    no line, as pages have it between a currency and an amount, becomes a plain one."""
    shown = text[:_LONGEST_TARGET].replace("\u00a0", " ")
    return "".join(letter if letter.isprintable() else "?" for letter in shown)
