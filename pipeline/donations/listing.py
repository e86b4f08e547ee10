"""Lists the months of the donation export: from the first response, or the first month of the
ledger, to the current month."""

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
    then those that are open, up to the current one."""
    current = Month.of(now, timezone)
    first_open = ledger.next_month or next(months_with_responses(connection, timezone), current)
    still_open = months_between(first_open, current) if first_open <= current else []
    return [
        read_line(connection, ledger, timezone, month) for month in [*ledger.months, *still_open]
    ]


def read_line(connection: Connection, ledger: Ledger, timezone: tzinfo, month: Month) -> Line:
    """Return the line of any month; one that the ledger has not counted has the responses of
    now."""
    # Counting years of responses takes seconds, and the ledger knows the numbers of its months.
    is_counted = month in ledger.closed or month in ledger.openings
    responses = 0 if is_counted else count_responses(connection, *month.bounds(timezone))
    return find_line(ledger, month, timezone, responses)
