"""The page that tells somebody who they are here, and lets them sign out everywhere."""

from reports.site.context import ReportsSite
from reports.site.pages import render_page
from reports.site.roles import allow_signed_in
from reports.site.sessions import ABSOLUTE_TIMEOUT, IDLE_TIMEOUT, signed_in_user


def register(site: ReportsSite) -> None:
    """Add the page."""
    site.add_url_rule("/reports/account", "account", show_account)


@allow_signed_in
def show_account() -> str:
    """Return the page of the account."""
    return render_page(
        "account.html",
        signed_in_user(),
        idle_minutes=int(IDLE_TIMEOUT.total_seconds() // 60),
        absolute_hours=int(ABSOLUTE_TIMEOUT.total_seconds() // 3600),
    )
