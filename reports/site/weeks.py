"""`/reports/2026-10/weeks`: the last half year by week, with how often the survey was seen."""

import pandas as pd

from pipeline.query import ReportQuery
from pipeline.weeks import WEEKS, tabulate_weeks, weeks_up_to
from reports.charts.trend import draw_together
from reports.rows import list_rows
from reports.shown_teams import show_teams
from reports.shown_trend import show_weeks
from reports.site.audit import record
from reports.site.choices import list_choices
from reports.site.context import ReportsSite, current_site
from reports.site.filters import read_filters
from reports.site.links import WebLinks
from reports.site.pages import render_page
from reports.site.roles import allow
from reports.site.sessions import signed_in_user
from reports.wording import name_period
from survey.store.marks import list_marks
from survey.store.page_views import page_views_by_day
from survey.vocabulary import Role


def register(site: ReportsSite) -> None:
    """Add the page."""
    site.add_url_rule("/reports/<period:period>/weeks", "show_weeks", show_weeks_page)


@allow(Role.LEAD, Role.ADMIN)
def show_weeks_page(period: str) -> str:
    """Show the weeks up to the end of a period, as the filters say."""
    site = current_site()
    query = ReportQuery.parse(period, read_filters())
    weeks = count_weeks(query)
    with site.database.reading() as connection:
        marks = list_marks(connection, weeks["week_from"].iloc[0], weeks["week_to"].iloc[-1])
    together = show_teams(site.loader.load(query), site.settings.teams).together
    trend, shown_marks = show_weeks(weeks, together, marks)
    has_shares = any(point.share is not None for point in trend.points)
    record("read weeks", query.period.name)
    return render_page(
        "weeks.html",
        signed_in_user(),
        query=query,
        links=WebLinks(query),
        choices=list_choices(query, site.settings),
        period_name=name_period(query.period),
        chart=draw_together(trend, shown_marks) if has_shares else "",
        marks=shown_marks,
        rows=list(zip(trend.points, list_rows(weeks), strict=True))[::-1],
        most=int(max(weeks["page_views"].max(), weeks["responses"].max(), 1)),
        number=WEEKS,
    )


def count_weeks(query: ReportQuery) -> pd.DataFrame:
    """Return the weeks up to the end of a period, or up to today, as `pipeline.weeks` has them."""
    site = current_site()
    today = site.clock().astimezone(site.settings.timezone).date()
    weeks = weeks_up_to(max(query.period.first, min(query.period.last, today)))
    counts = site.loader.source.count_periods(query, weeks)
    with site.database.reading() as connection:
        views = page_views_by_day(connection, weeks[0].first, weeks[-1].last)
    seen = [(day, number) for day, team, number in views if not query.teams or team in query.teams]
    return tabulate_weeks(counts, weeks, seen)
