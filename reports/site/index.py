"""The first page of the reports."""

from flask import redirect
from werkzeug.wrappers import Response

from reports.site.context import ReportsSite
from reports.site.pages import DONATIONS, may_see, render_page
from reports.site.roles import allow_everybody, allow_signed_in
from reports.site.sessions import signed_in_user
from survey.vocabulary import Role


def register(site: ReportsSite) -> None:
    """Add the page, also for those who leave out the slash at its end."""
    site.add_url_rule("/reports/", "index", show_index)
    site.add_url_rule("/reports", "index_without_slash", go_to_index)


@allow_everybody
def go_to_index() -> Response:
    """Return the way to the first page."""
    return redirect("/reports/", 308)


@allow_signed_in
def show_index() -> str | Response:
    """Return the first page; finance goes on to the donations, where there are any."""
    user = signed_in_user()
    if user and user.role is Role.FINANCE and may_see(user, DONATIONS):
        return redirect(DONATIONS, 303)
    return render_page("index.html", user)
