"""The part of verifying the donation ledger that reads no responses, for `csat doctor`."""

from datetime import datetime

from pipeline.donations.checks.chain import check_chain
from pipeline.donations.checks.difference import LedgerDiffers
from pipeline.donations.checks.entries import read_entry
from pipeline.donations.checks.money import check_money
from pipeline.donations.checks.months import check_months
from survey.doctor.findings import Finding, Level
from survey.settings import Settings
from survey.store.database import Database
from survey.store.ledger import read_rows

_CHECK = "ledger"


def check_ledger(database: Database, _settings: Settings, _now: datetime) -> list[Finding]:
    """Return whether the entries of the ledger follow from each other, each chained to the one
    before it. Raise StoreError."""
    with database.reading() as connection:
        rows = read_rows(connection)
    try:
        check_chain(rows)
        entries = [read_entry(row) for row in rows]
        check_months(entries)
        check_money(entries)
    except LedgerDiffers as difference:
        message = (
            f"{difference}: somebody has changed it outside of csat; `csat donations verify` says "
            "more"
        )
        return [Finding(_CHECK, Level.FAILURE, message)]
    if not rows:
        return [Finding(_CHECK, Level.OK, "it has no entry yet")]
    count = "1 entry" if len(rows) == 1 else f"{len(rows):,} entries"
    message = f"{count}, each chained to the one before it; `csat donations verify` checks the rest"
    return [Finding(_CHECK, Level.OK, message)]
