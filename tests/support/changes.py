"""What has changed in the months of a ledger and is not posted yet."""

from sqlalchemy import delete, select

from pipeline.donations.comparing import compare_ledger
from pipeline.donations.posting import Change
from survey.counting_rules import CountingRules
from survey.ledger import NO_HASH, hash_values, split_tickets
from survey.months import Month
from survey.store.ledger import read_rows, read_tickets
from survey.store.models import ResponseRow, SettledMonthRow
from tests.support.donations import Donations


def find_changes(donations: Donations, *, by_settled: bool = True) -> tuple[Change, ...]:
    """The changes that a close would find; without `by_settled` in every month, as if none had ever
    agreed with its responses."""
    ledger = donations.ledger
    with donations.database.engine.connect() as connection:
        if not by_settled:
            connection.execute(delete(SettledMonthRow))
        found = compare_ledger(connection, ledger, CountingRules.of(donations.settings))
        connection.rollback()
    return found.changes


def assert_chain_holds(donations: Donations) -> None:
    """Every entry has its number, its hash, and that of the one before."""
    previous = NO_HASH
    with donations.database.reading() as connection:
        rows = read_rows(connection)
    for number, row in enumerate(rows, start=1):
        assert (row["sequence"], row["previous_hash"]) == (number, previous)
        assert row["hash"] == hash_values(row)
        previous = row["hash"]


def assert_each_response_is_counted_once(donations: Donations) -> None:
    """Each response is in one month of the ledger, as it says itself and as its tickets say, or in
    one that is open, or it is pending."""
    ledger, pending = donations.ledger, find_changes(donations)
    assert pending == find_changes(donations, by_settled=False)
    with donations.database.reading() as connection:
        columns = select(ResponseRow.ticket_id, ResponseRow.answered_at)
        now = {
            (row.ticket_id, Month.of(row.answered_at, donations.settings.timezone))
            for row in connection.execute(columns)
        }
        counted: list[tuple[str, Month]] = []
        for each in ledger.entries:
            tickets = read_tickets(connection, each.sequence)
            if each.ticket_id is not None:
                changed = [(each.ticket_id, each.original_month)]
            else:
                changed = [(ticket, each.month) for ticket in split_tickets(tickets or b"")]
            for one in changed:
                counted.append(one) if (each.hedgehogs or 0) > 0 else counted.remove(one)
    for change in pending:
        one = (change.ticket_id, change.month)
        counted.append(one) if change.hedgehogs > 0 else counted.remove(one)
    for month in ledger.months:
        waiting = sum(change.hedgehogs for change in pending if change.month == month)
        assert ledger.counted_in(month) + waiting == len([one for one in now if one[1] == month])
    last = ledger.last
    is_open = [one for one in now if last is None or one[1] > last.month]
    assert sorted([*counted, *is_open]) == sorted(now)
