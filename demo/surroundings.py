"""What the sample has besides answers: how often the survey's page was seen, and a mark."""

import random
from collections import Counter
from datetime import date, datetime

from sqlalchemy import Connection

from survey.months import Month
from survey.settings import Settings
from survey.store.counting import count_by_values
from survey.store.marks import add_mark
from survey.store.page_views import add_page_views

MARK_WORDS = "Release of the new query engine"
# How many people look at the survey for each that answers.
_FEWEST_VIEWS, _MOST_VIEWS = 1.3, 2.1


def add_surroundings(connection: Connection, settings: Settings, until: datetime) -> None:
    """Add page views to the days of the responses, and a mark in the month that is worse."""
    views: Counter[tuple[date, str]] = Counter()
    rng = random.Random("page views")  # nosec B311 # sample data
    last = Month.of(until, settings.timezone)
    for back in range(13):
        month = last.shift(-back)
        for team, number in _responses_by_team(connection, month, settings).items():
            for day in range(1, 29):
                share = number / 28 * rng.uniform(_FEWEST_VIEWS, _MOST_VIEWS)
                views[date(month.year, month.number, day), team] += round(share)
    today = until.astimezone(settings.timezone).date()
    add_page_views(
        connection, {key: number for key, number in views.items() if number and key[0] <= today}
    )
    worse = last.shift(-1)
    add_mark(connection, date(worse.year, worse.number, 6), MARK_WORDS, "the sample", until)


def _responses_by_team(connection: Connection, month: Month, settings: Settings) -> Counter[str]:
    found: Counter[str] = Counter()
    bounds = month.bounds(settings.timezone)
    for team, _, _, _, responses, _ in count_by_values(connection, *bounds):
        found[team] += responses
    return found
