"""The lines of the donation export: one for each month, and one for each entry of the ledger."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from datetime import datetime, tzinfo
from typing import Any

import pandas as pd

from pipeline.donations.ledger import ClosedMonth, Ledger, Status
from survey.ledger import LedgerEntry
from survey.months import Month

COLUMNS = (
    *("month", "timezone", "opens_at", "closes_at", "responses", "adjustments", "hedgehogs"),
    *("unit_amount", "currency", "amount", "charity", "status", "closed_at", "closed_by"),
    *("paid_at", "payment_reference", "ledger_hash"),
)
# The columns of single entries. Each has the name and the value that its hash is made of.
ENTRY_COLUMNS = (
    "sequence",
    *(each.name for each in fields(LedgerEntry) if each.name != "sequence"),
)

Line = Mapping[str, Any]


def closed_line(closed: ClosedMonth) -> Line:
    """Return the line of a closed month. Everything in it is on record since the close, except what
    a payment or its correction fills."""
    close, payments = closed.close, closed.payments
    return {
        "month": str(closed.month),
        "timezone": close.timezone,
        "opens_at": _format(close.opens_at),
        "closes_at": _format(close.closes_at),
        "responses": closed.responses,
        "adjustments": closed.adjusted,
        "hedgehogs": closed.hedgehogs,
        "unit_amount": close.unit_amount,
        "currency": close.currency,
        "amount": closed.amount,
        "charity": close.charity,
        "status": closed.status.value,
        "closed_at": _format(close.recorded_at),
        "closed_by": close.recorded_by,
        "paid_at": str(payments[-1].paid_on) if payments else None,
        "payment_reference": ", ".join(each.payment_reference or "" for each in payments) or None,
        "ledger_hash": closed.latest.hash,
    }


def opening_line(ledger: Ledger, month: Month) -> Line:
    """Return the line of a month before the first close: its responses are counted, never owed."""
    first, latest = ledger.openings[month][0], ledger.openings[month][-1]
    counted = ledger.counted_in(month)
    return {
        "month": str(month),
        "timezone": first.timezone,
        "opens_at": _format(first.opens_at),
        "closes_at": _format(first.closes_at),
        "responses": counted,
        "adjustments": 0,
        "hedgehogs": counted,
        "status": Status.OPENING.value,
        "ledger_hash": latest.hash,
    }


def open_line(month: Month, timezone: tzinfo, responses: int) -> Line:
    """Return the line of a month that is not closed: one hedgehog per response up to now, and
    nothing that only the close can tell."""
    return {
        "month": str(month),
        "timezone": str(timezone),
        "opens_at": month.opens_at(timezone).isoformat(),
        "closes_at": month.closes_at(timezone).isoformat(),
        "responses": responses,
        "adjustments": 0,
        "hedgehogs": responses,
        "status": Status.OPEN.value,
    }


def find_line(ledger: Ledger, month: Month, timezone: tzinfo, responses: int) -> Line:
    """Return the line of any month; `responses` are those that it has now."""
    if month in ledger.closed:
        return closed_line(ledger.closed[month])
    if month in ledger.openings:
        return opening_line(ledger, month)
    line = open_line(month, timezone, responses)
    if ledger.first is not None and month < ledger.first.month:
        # No close has counted it yet, and none will make it owed.
        return {**line, "status": Status.OPENING.value}
    return line


def frame_lines(lines: Sequence[Line]) -> pd.DataFrame:
    """Return lines as a frame with `COLUMNS`; what a line does not say is None."""
    rows = [[line.get(name) for name in COLUMNS] for line in lines]
    return pd.DataFrame(rows, columns=list(COLUMNS), dtype="object")


def frame_entries(entries: Iterable[LedgerEntry]) -> pd.DataFrame:
    """Return entries as a frame with `ENTRY_COLUMNS`: everything that their hashes are made of, and
    nobody's personal data."""
    rows = [list(entry_line(entry).values()) for entry in entries]
    return pd.DataFrame(rows, columns=list(ENTRY_COLUMNS), dtype="object")


def entry_line(entry: LedgerEntry) -> Line:
    """Return the line of an entry, with the values of `ENTRY_COLUMNS` in their order."""
    values = entry.to_values()
    return {name: values[name] for name in ENTRY_COLUMNS}


def _format(instant: datetime | None) -> str | None:
    return None if instant is None else instant.isoformat()
