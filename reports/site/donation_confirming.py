"""What the pages share that add to the ledger: a step shows what will be written, and only that is
written."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from flask import flash, redirect, request, url_for
from werkzeug.wrappers import Response

from pipeline.donations.ledger import Ledger
from pipeline.donations.recording import write_entry
from reports.donation_wording import name_month
from reports.shown_donations import ShownPayment
from reports.site.audit import record
from reports.site.context import current_site
from reports.site.pages import render_page
from reports.site.sessions import signed_in_user
from reports.wording import write_sentence
from survey.ledger import NewEntry, hash_values
from survey.months import Month
from survey.store.ledger import Head, read_entries, read_head
from survey.store.users import User

Value = TypeVar("Value")

# The field of a confirming form that holds the digest of what it shows.
SHOWN = "shown"

CONFLICT = 409

# What changes by itself while somebody reads: times, and the newest of all answers.
_NOT_SHOWN = ("recorded_at", "recorded_by", "newest_answer")


class Form:
    """The fields of a form as they were sent, and what is wrong with them, by field."""

    def __init__(self, defaults: dict[str, str]) -> None:
        sent = request.form if request.method == "POST" else defaults
        self.fields = {name: sent.get(name, "") for name in defaults}
        self.errors: dict[str, str] = {}

    def read(self, name: str, parse: Callable[[str], Value]) -> Value | None:
        """Return the value of a field; note what is wrong with it, if something is."""
        try:
            return parse(self.fields[name].strip())
        except ValueError as error:
            self.errors[name] = write_sentence(str(error))
            return None

    @property
    def is_to_be_shown(self) -> bool:
        """Whether somebody wants to see the form: at first, or again to change what it holds."""
        return request.method != "POST" or "change" in request.form


def acting_user() -> User:
    """Return the user who adds to the ledger."""
    user = signed_in_user()
    assert user is not None  # the roles are checked before
    return user


def read_ledger() -> tuple[Ledger, Head]:
    """Return the ledger and its last entry, of one state of the store."""
    with current_site().database.reading() as connection:
        return Ledger(read_entries(connection)), read_head(connection)


def digest_shown(entries: Iterable[NewEntry], *others: str) -> str:
    """Return the digest of what a page shows: entries, without what changes by itself, and other
    texts."""
    kept = [
        {name: value for name, value in entry.to_values().items() if name not in _NOT_SHOWN}
        for entry in entries
    ]
    return hash_values({"entries": kept, "others": others})


def was_shown(digest: str) -> bool:
    """Return whether the confirming form that was sent showed just this."""
    return request.form.get(SHOWN) == digest


def write_shown(entry: NewEntry, digest: str, head: Head) -> bool:
    """Write an entry if the confirming form showed it; return whether it is written."""
    return was_shown(digest) and write_entry(current_site().database, entry, head)


def finish(action: str, target: str, words: str, address: str) -> Response:
    """Put on record what was done, and go to a page that says so."""
    record(action, target)
    flash(words)
    return redirect(address, 303)


def refuse(
    month: Month,
    title: str,
    reason: str,
    *,
    payments: Sequence[ShownPayment] = (),
    ways_out: Sequence[tuple[str, str]] = (),
) -> tuple[str, int]:
    """Return a page that says why something cannot be done, and what to do: `ways_out` are words
    and addresses."""
    page = render_page(
        "donation_refused.html",
        signed_in_user(),
        title=title,
        reason=write_sentence(reason),
        back=url_for("show_donation", month=month),
        back_name=name_month(month),
        payments=payments,
        ways_out=ways_out,
    )
    return page, CONFLICT
