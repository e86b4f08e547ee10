"""The job of `csat tick` that follows the deletions of erased persons at PostHog."""

from datetime import datetime

from survey.settings import Settings
from survey.store.database import Database
from survey.store.person_deletions import has_due_checks


def follow_deletions_due(database: Database, settings: Settings, now: datetime) -> str | None:
    """Ask PostHog about the deletions that it has not done yet, each at most once an hour; return
    how many it has done, None if there are none to look at. Raise CsatError."""
    with database.reading() as connection:
        if not has_due_checks(connection, now):
            return None
    # What asks is imported only if there is something to ask: this runs once a minute.
    from survey.posthog.deletion import follow_deletions

    return follow_deletions(database, settings, now)
