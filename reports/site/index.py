"""The first page of the reports: the last months, and the way to any other period."""

from flask import redirect
from werkzeug.wrappers import Response

from pipeline.query import ReportQuery
from reports.shown_teams import show_teams
from reports.shown_trend import show_trends
from reports.site.context import ReportsSite, current_site
from reports.site.links import WebLinks
from reports.site.pages import DONATIONS, render_page
from reports.site.roles import allow_everybody, allow_signed_in
from reports.site.sessions import signed_in_user
from reports.wording import name_period
from survey.months import Month
from survey.periods import Period
from survey.vocabulary import Role

# How many quarters and years the page leads to.
_QUARTERS, _YEARS = 5, 3


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
    """Return the first page; finance goes on to the donations."""
    site, user = current_site(), signed_in_user()
    if user and user.role is Role.FINANCE:
        return redirect(DONATIONS, 303)
    month = Period.of_month(Month.of(site.clock(), site.settings.timezone))
    query = ReportQuery(month)
    numbers = site.loader.load(query)
    trends = show_trends(numbers, show_teams(numbers, site.settings.teams), WebLinks(query))
    quarters = Period.of_quarter(month.first).up_to(_QUARTERS)
    years = Period.of_year(month.first).up_to(_YEARS)
    return render_page(
        "index.html",
        user,
        months=trends.together.points[::-1] if trends else [],
        month=month,
        periods=[(period.name, name_period(period)) for period in (*quarters[::-1], *years[::-1])],
    )
