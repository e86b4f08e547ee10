"""Counts that nobody needs any more are forgotten: a job of `csat tick`."""

from datetime import datetime, timedelta

from survey.growth import day_of
from survey.settings import Settings
from survey.store.daily_figures import forget_figures
from survey.store.database import Database
from survey.store.network_days import forget_network_days
from survey.store.rate_counts import forget_hits

# A year, which shows what is usual, and a month more.
KEEP = timedelta(days=400)


def forget_old_counts(database: Database, _settings: Settings, now: datetime) -> None:
    """Forget the networks and figures of old days, and the hits of rate limits whose period is
    over. There is nothing to tell."""
    before = day_of(now - KEEP)
    with database.writing() as connection:
        forget_network_days(connection, before)
        forget_figures(connection, before)
        forget_hits(connection, now)
