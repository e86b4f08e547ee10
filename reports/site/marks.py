"""`/reports/marks`: the releases and incidents that trends show."""

from flask import redirect, request, url_for
from werkzeug.wrappers import Response

from reports.site.audit import record
from reports.site.context import ReportsSite, current_site
from reports.site.pages import render_page
from reports.site.roles import allow
from reports.site.sessions import signed_in_user
from survey.store.database import LARGEST_ID
from survey.store.marks import (
    LONGEST_WORDS,
    NoSuchMark,
    add_mark,
    list_marks,
    parse_day,
    parse_words,
    remove_mark,
)
from survey.vocabulary import Role


def register(site: ReportsSite) -> None:
    """Add the page, and what its forms do."""
    site.add_url_rule("/reports/marks", "show_marks", show_marks)
    site.add_url_rule("/reports/marks", "create_mark", create_mark, methods=["POST"])
    removal = f"/reports/marks/<int(max={LARGEST_ID}):mark_id>/remove"
    site.add_url_rule(removal, "delete_mark", delete_mark, methods=["POST"])


@allow(Role.LEAD, Role.ADMIN)
def show_marks() -> str:
    """Show all marks, the newest first, and the form for another one."""
    return _render()


@allow(Role.LEAD, Role.ADMIN)
def create_mark() -> Response | tuple[str, int]:
    """Add the mark of the form; show the form again, filled, if something is wrong with it."""
    site, user = current_site(), signed_in_user()
    assert user is not None  # the roles are checked before
    day_text, words_text = (request.form.get(name, "") for name in ("day", "words"))
    try:
        day, words = parse_day(day_text.strip()), parse_words(words_text)
    except ValueError as error:
        return _render(day_text, words_text, f"{error}."), 400
    with site.database.writing() as connection:
        add_mark(connection, day, words, user.name, site.clock())
    record("add mark", f"{day} {words}")
    return redirect(url_for("show_marks"), 303)


@allow(Role.LEAD, Role.ADMIN)
def delete_mark(mark_id: int) -> Response:
    """Remove a mark. One that is gone already is what was wanted."""
    try:
        with current_site().database.writing() as connection:
            mark = remove_mark(connection, mark_id)
    except NoSuchMark:
        return redirect(url_for("show_marks"), 303)
    record("remove mark", f"{mark.day} {mark.words}")
    return redirect(url_for("show_marks"), 303)


def _render(day: str = "", words: str = "", message: str = "") -> str:
    with current_site().database.reading() as connection:
        found = list_marks(connection)
    return render_page(
        "marks.html",
        signed_in_user(),
        marks=found[::-1],
        day=day,
        words=words,
        message=message,
        longest=LONGEST_WORDS,
    )
