"""Closes months of the donation ledger on their day.

What closes a month is imported only to close one: `csat tick` asks once a minute whether any is
due.
"""

from contextlib import closing
from datetime import datetime

from reports.due_months import find_due_month
from survey.months import Month, months_between
from survey.settings import Settings
from survey.store.database import Database
from survey.store.ledger import read_closes
from survey.store.schema import open_store

# Who closed a month, where nobody did by hand.
CLOSED_BY = "csat tick"


def close_due_months(database: Database, settings: Settings, now: datetime) -> str | None:
    """Close last month, if its day has come, and before it each earlier month that is still open;
    return which months those were, or None if there were none.

    The first close of all is made by hand, because it decides from which month on hedgehogs are
    owed. Raise CannotClose, and CannotCompare.
    """
    due = find_due_month(settings.close_day, settings.timezone, now)
    if due is None:
        return None
    with database.reading() as connection:
        closes = read_closes(connection)
    if not closes or closes[-1].month >= due:
        return None
    closed = _close_months(settings, closes[-1].month.shift(1), due, now)
    return f"donations: months closed: {', '.join(map(str, closed))}" if closed else None


def _close_months(settings: Settings, first: Month, last: Month, now: datetime) -> list[Month]:
    """Close the months that can be closed by now; return those that nobody else has closed
    meanwhile."""
    from pipeline.donations.closing import close_month, earliest_close

    closed = []
    # A close reads a whole month in one transaction. That of a large month may take longer than
    # the database of `csat tick` waits for anything.
    with closing(open_store(settings.database_url)) as database:
        for month in months_between(first, last):
            if now < earliest_close(month, settings):
                break
            if close_month(database, settings, month, by=CLOSED_BY, now=now).is_new:
                closed.append(month)
    return closed
