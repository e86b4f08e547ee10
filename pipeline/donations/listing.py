"""Lists the months of the donation export."""

from datetime import datetime, tzinfo

from sqlalchemy import Connection

from pipeline.donations.ledger import Ledger
from pipeline.donations.lines import Line, find_line
from survey.months import Month, months_between
from survey.store.counting import months_with_responses
from survey.store.responses import count_responses


def list_lines(
    connection: Connection, ledger: Ledger, timezone: tzinfo, now: datetime
) -> list[Line]:
    """Return a line for every month: the opening ones that have responses, then the closed ones,
    then those that are open, up to the current one. Of the months before the first close, and of
    those after the current one, only those are listed that have responses: an imported answer may
    be of any year."""
    current = Month.of(now, timezone)
    months = {*ledger.months, *months_with_responses(connection, timezone)}
    first_open = ledger.next_month or current
    if first_open <= current:
        months.update(months_between(first_open, current))
    return [read_line(connection, ledger, timezone, month) for month in sorted(months)]


def read_line(connection: Connection, ledger: Ledger, timezone: tzinfo, month: Month) -> Line:
    """Return the line of any month; one that the ledger has not counted has the responses of
    now."""
    # Counting years of responses takes seconds, and the ledger knows the numbers of its months.
    is_counted = month in ledger.closed or month in ledger.openings
    responses = 0 if is_counted else count_responses(connection, *month.bounds(timezone))
    return find_line(ledger, month, timezone, responses)
