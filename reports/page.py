"""The monthly report as one HTML page: self-contained, without scripts, prints well."""

from calendar import month_name
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pipeline.metrics import ALL, FEWEST_TO_COMPARE
from pipeline.monthly import MonthlyNumbers
from reports.charts.teams import draw_teams
from reports.charts.trend import draw_trend
from reports.rows import count_responses, list_rows, name_team
from reports.shown_comments import COMMENTS_PER_TEAM, show_comments
from reports.shown_teams import OTHER_TEAMS, REST, show_teams
from survey.months import Month
from survey.scale import LABELS, RATINGS
from survey.settings import Settings, split_duration

Row = dict[str, Any]

# Every reason of the rules, in their order, as a lead would put it.
REASONS = {
    "duplicate": "The same answer, received once more",
    "other_survey": "An answer to another survey",
    "no_ticket": "No ticket named",
    "invalid_rating": "No rating from 1 to 5",
    "test": "Test traffic",
    "void": "A voided ticket, its reason on record",
    "other_person": "Somebody other than the ticket’s customer",
    "late_change": "A change after the time for changes was over",
}


def render_page(numbers: MonthlyNumbers, settings: Settings) -> str:
    """Return the report of one month as a whole HTML document.

    Everything that customers wrote is escaped by the template; a ticket becomes a link where
    `CSAT_TICKET_URL` says how.
    """
    teams = show_teams(numbers.teams, settings.teams)
    comments = show_comments(numbers.comments, teams)
    together = next(row for row in teams if row["team"] == ALL)
    rest = next((row for row in teams if row["team"] == REST), None)
    return _environment(settings).get_template("report.html").render(
        month=name_month(numbers.month),
        previous_month=name_month(numbers.month.shift(-1)),
        source=numbers.source,
        as_of=numbers.as_of,
        provisional=explain_provisional(numbers, settings),
        together=together,
        teams=[row for row in teams if row["team"] != ALL],
        rest=rest,
        other_teams=OTHER_TEAMS,
        with_invitations=any(row["invitations"] is not None for row in teams),
        teams_chart=Markup(draw_teams(numbers.teams, settings.teams)),
        trend=[row for row in list_rows(numbers.trend) if row["team"] == ALL],
        trend_chart=Markup(draw_trend(numbers.trend)),
        comments=comments,
        comments_per_team=COMMENTS_PER_TEAM,
        comment_places={group["team"]: place for place, group in enumerate(comments, start=1)},
        quality=explain_quality(numbers.quality),
        donation=_first_row(numbers.donations),
    )  # fmt: skip


def name_month(month: Month) -> str:
    """Return a month in words: `October 2026`."""
    return f"{month_name[month.number]} {month.year}"


def explain_provisional(numbers: MonthlyNumbers, settings: Settings) -> Row | None:
    """Why the numbers may still change and from when they stand; None once they do.

    They stand when the month is over and so is the edit window of an answer given at its very end.
    """
    closes_at = numbers.month.closes_at(settings.timezone).astimezone(UTC)
    stands_from = closes_at + settings.edit_window
    if numbers.as_of >= stands_from:
        return None
    return {
        "over": numbers.as_of >= closes_at,
        "stands_from": stands_from,
        "window": describe_duration(settings.edit_window),
    }


def describe_duration(duration: timedelta) -> str:
    """Return a duration in words: `7 days`, `36 hours`, `1 hour`."""
    count, unit = split_duration(duration)
    return f"{count} {unit.removesuffix('s') if count == 1 else unit}"


def describe_change(row: Row) -> str:
    """Return what a row's change against the month before amounts to; blank without responses."""
    if row["change_significant"] in ("up", "down") and row["responses"] >= FEWEST_TO_COMPARE:
        return f"{row['change_significant']} {abs(row['change_pp']):.2f} points, a clear change"
    if row["change_significant"] == "no" and row["responses"] >= FEWEST_TO_COMPARE:
        return "no clear change"
    return "too few responses to compare" if row["responses"] else ""


def explain_quality(quality: pd.DataFrame) -> Row:
    """Return how the answers received became responses, and whether the sums tie."""
    answers = {row["reason"]: int(row["answers"]) for row in list_rows(quality)}
    received, response, edit = (answers.pop(key, 0) for key in ("received", "response", "edit"))
    return {
        "received": received,
        "response": response,
        "edit": edit,
        "reasons": [(key, REASONS.get(key, key), count) for key, count in answers.items()],
        "left_out": sum(answers.values()),
        "ties": received == response + edit + sum(answers.values()),
    }


def link_ticket(ticket_id: str, pattern: str | None) -> str | None:
    """Return the address of a ticket; None where no http(s) pattern says how to write it."""
    if pattern is None or not pattern.startswith(("https://", "http://")):
        return None
    return pattern.replace("{ticket_id}", quote(ticket_id, safe=""))


def _first_row(frame: pd.DataFrame | None) -> Row | None:
    return None if frame is None or frame.empty else list_rows(frame)[0]


def _environment(settings: Settings) -> Environment:
    """Return the templates, with the words and numbers that they write."""
    environment = Environment(
        loader=PackageLoader("reports"), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip

    def instant(value: datetime) -> str:
        local = value.astimezone(settings.timezone)
        return f"{_day(local)} {local.year}, {local:%H:%M} ({settings.timezone.key})"

    environment.filters |= {
        "instant": instant,
        "day": _day,
        "number": _number,
        "signed": _signed,
        "month": lambda text: name_month(Month.parse(text)),
        "responses": count_responses,
        "change": describe_change,
        "team": lambda slug: name_team(slug, settings.teams),
        "ticket_link": lambda ticket_id: link_ticket(str(ticket_id), settings.ticket_url),
    }
    environment.globals |= {"labels": LABELS, "ratings": RATINGS, "few": FEWEST_TO_COMPARE}
    return environment


def _day(value: datetime) -> str:
    return f"{value.day} {month_name[value.month]}"


def _number(value: int | float | Decimal | str) -> str:
    """Return a number with its thousands set apart and every digit it came with; a text as it
    is."""
    if isinstance(value, str):
        return value
    # pandas makes a column of counts with blanks in it floats.
    number = int(value) if isinstance(value, float) and value.is_integer() else value
    return f"{number:,}".replace("-", "−")


def _signed(value: int) -> str:
    return f"{value:+,}".replace("-", "−")
