"""The report as a page: the same parts in a file of its own and on the web."""

from typing import Any

import pandas as pd
from markupsafe import Markup

from pipeline.metrics import row_name
from pipeline.query import ReportQuery
from pipeline.report import ReportNumbers
from reports.charts.trend import draw_teams, draw_together
from reports.environment import make_environment
from reports.filter_words import describe_filters
from reports.findings import Part, Stage, find_lead
from reports.links import Links
from reports.provisional import find_standing
from reports.rows import list_rows
from reports.shown_comments import COMMENTS_PER_TEAM, OPEN_PER_TEAM, show_comments
from reports.shown_drivers import show_drivers
from reports.shown_invitations import show_invitations
from reports.shown_numbers import Row
from reports.shown_quality import show_quality
from reports.shown_stuffing import show_stuffing
from reports.shown_targets import show_targets
from reports.shown_teams import OTHER_TEAMS, show_teams
from reports.shown_trend import ShownTrends, show_trends
from reports.shown_words import show_words
from reports.wording import name_period
from survey.settings import Settings
from survey.teams import display_team


def render_page(numbers: ReportNumbers, settings: Settings, links: Links) -> str:
    """Return a report as a whole HTML document: self-contained, without scripts, prints well.

    Everything that customers wrote is escaped by the template; a ticket becomes a link where
    `CSAT_TICKET_URL` says how.
    """
    template = make_environment(settings).get_template("report.html")
    return template.render(report_context(numbers, settings, links))


def report_context(numbers: ReportNumbers, settings: Settings, links: Links) -> dict[str, Any]:
    """Return what the templates of a report need, in a file and on the web. Their environment is
    one of `reports.environment`."""
    period = numbers.query.period
    before, after, year_before = period.shift(-1), period.shift(1), period.year_before()
    standing = find_standing(period, numbers.as_of, settings.edit_window, settings.timezone)
    teams = show_teams(numbers, settings.teams)
    trends = show_trends(numbers, teams, links)
    only_team = find_only_team(numbers.query, settings)
    finding = find_lead(
        teams, name_period(period), name_period(before), standing.stage,
        by_rating=bool(numbers.query.ratings), only_team=only_team,
    )  # fmt: skip
    names = {team.slug: team.name for team in (*teams.single, *teams.silent)}
    if teams.rest:
        names[teams.rest.slug] = teams.rest.name
    on_the_web = links.responses(period.name, None, None, commented=True) is not None
    most = OPEN_PER_TEAM if on_the_web else COMMENTS_PER_TEAM
    comments = show_comments(numbers.comments, names, most)
    return {
        "period": period,
        "period_name": name_period(period),
        "before": before,
        "before_name": name_period(before),
        "year_before_name": name_period(year_before),
        "after": after,
        "after_name": name_period(after),
        "links": links,
        "source": numbers.source,
        "trust_is_believed": numbers.trust_is_believed,
        "as_of": numbers.as_of,
        "filters": describe_filters(numbers.query, settings.teams),
        "is_by_rating": bool(numbers.query.ratings),
        "standing": None if standing.stage is Stage.FINAL else standing,
        "finding": finding,
        "only_team": only_team,
        "teams": teams,
        "together": teams.together,
        "knows_invitations": teams.together.invitations is not None,
        "has_no_rate_by_filter": bool(numbers.query.ratings or numbers.query.trusts),
        "invitations": show_invitations(numbers.invitations, settings.teams),
        "other_teams": OTHER_TEAMS,
        "trends": trends,
        "charts": draw_charts(trends),
        "drivers": show_drivers(numbers, teams),
        "stuffing": show_stuffing(numbers.stuffing, settings.teams),
        "targets": show_targets(numbers, settings, name_period(period)),
        "has_other_filters": numbers.query.is_filtered_beyond_teams,
        "timezone": settings.timezone,
        "comments": comments,
        "comment_places": {each.team: place for place, each in enumerate(comments, start=1)},
        "open_team": next((slug for slug in finding.teams), None),
        "words": show_words(numbers.words),
        "quality": show_quality(numbers.quality),
        "donation": _first_row(numbers.donations),
    }


def find_only_team(query: ReportQuery, settings: Settings) -> Part | None:
    """Return the slug and the name of the team that a report is limited to; None where it is about
    all teams, or several."""
    if len(query.teams) != 1:
        return None
    (slug,) = query.teams
    return Part(display_team(slug, settings.teams), row_name(slug))


def draw_charts(trends: ShownTrends | None) -> list[Markup]:
    """Return the charts of the trends: the large one of all teams first, then one for each team."""
    if trends is None:
        return []
    large = draw_together(trends.together, trends.marks)
    pictures = (large, *draw_teams(trends.teams, trends.marks))
    return [Markup(svg) for svg in pictures]  # nosec B704 # the drawing escapes what it shows


def _first_row(frame: pd.DataFrame | None) -> Row | None:
    return None if frame is None or frame.empty else list_rows(frame)[0]
