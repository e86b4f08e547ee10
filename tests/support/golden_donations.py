"""A ledger in which everything happens once, and the files that hold its exports.

`tests/reports/golden/ledger.jsonl` has the entries as the first release stored them; the other
files are their exports, which no later release may change. To write them anew is right only where
the contract itself has changed: `python -m tests.support.golden_donations`.
"""

import io
import json
import tempfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl

from pipeline.donations.ledger import Charity, Ledger, Rate
from pipeline.donations.lines import Line, closed_line, opening_line
from reports.donation_exports import format_donations, format_entries
from reports.exports import ExportKind
from survey.ledger import LedgerEntry
from survey.months import Month, months_between
from survey.store.database import Database
from survey.store.ledger import read_entries, read_rows
from survey.store.migrate import upgrade
from tests.support.donations import HALF_A_POUND, RESCUE, Donations
from tests.support.settings import make_settings

GOLDEN = Path(__file__).parents[1] / "reports/golden"
LEDGER = GOLDEN / "ledger.jsonl"
DONATIONS_CSV, ENTRIES_CSV = GOLDEN / "donations.csv", GOLDEN / "entries.csv"
CELLS = GOLDEN / "cells.jsonl"

FEBRUARY, MARCH, APRIL, MAY, JUNE, JULY, AUGUST = months_between(Month(2026, 2), Month(2026, 8))
YEN, DINARS = Rate(Decimal("55"), "JPY"), Rate(Decimal("0.0625"), "KWD")
# A spreadsheet would run the first, and the second needs quotes in CSV.
FORMULA = Charity("=Igel", "+49 1")
QUOTED = Charity('Jeże „Iglaki”, the "hedgehogs"', "@kontrakt, 7")


def fill_ledger(store: Donations) -> None:
    """Fill an empty store: an opening month, one without an amount, adjustments of every sign and
    price, three currencies, and payments: whole, in parts, and taken back."""
    for month, responses in ((FEBRUARY, 3), (MARCH, 4), (APRIL, 7), (MAY, 6), (JUNE, 5)):
        store.respond(month, responses)
    store.now = _at(4, 1)
    store.close(MARCH, without_amount=True)
    store.set_rate(APRIL, HALF_A_POUND, RESCUE)
    store.now = _at(5, 2)
    store.void("T-2026-03-1")  # of a month that owes nothing
    store.close(APRIL)
    store.pay(APRIL, paid_on=date(2026, 5, 2), reference="-BACS 1")
    store.now = _at(6, 1)
    store.void("T-2026-04-1")
    store.void("T-2026-04-2")
    store.respond(APRIL, 1, prefix="late")
    store.set_rate(MAY, Rate(Decimal("0.125"), "GBP"), None)
    store.close(MAY)
    store.pay(MAY, Decimal("0.10"), paid_on=date(2026, 6, 1), reference="BACS 2")
    store.now = _at(7, 1)
    store.unvoid("T-2026-04-1")
    store.void("T-2026-05-1")
    store.void("T-2026-02-1")  # of the opening month
    store.set_rate(JUNE, YEN, FORMULA)
    store.close(JUNE)
    store.pay(JUNE, Decimal("100"), paid_on=date(2026, 7, 1), reference="振込 3")
    store.correct(JUNE, reason="the account of another charity")
    store.pay(JUNE, Decimal("75"), paid_on=date(2026, 7, 1), reference="振込 4")
    store.set_rate(JULY, DINARS, QUOTED)
    store.respond(JULY, 6)
    store.respond(AUGUST, 1)
    store.now = _at(8, 1)
    store.void("T-2026-06-1")
    store.close(JULY)  # 5 hedgehogs at 0.0625: half to even makes 0.312
    store.now = _at(9, 1)
    for number in range(2, 6):
        store.void(f"T-2026-06-{number}")
    store.close(AUGUST)  # has one response, so three of the four stay pending


def list_closed(ledger: Ledger) -> list[Line]:
    """Return the lines of all months that the ledger has counted."""
    return [
        closed_line(ledger.closed[month]) if month in ledger.closed else opening_line(ledger, month)
        for month in ledger.months
    ]


def read_golden_ledger() -> Ledger:
    """Return the ledger that the first release stored."""
    return Ledger([LedgerEntry.of(row) for row in read_golden_rows()])


def read_golden_rows() -> list[dict[str, Any]]:
    """Return the columns of its entries."""
    return [json.loads(line) for line in LEDGER.read_text(encoding="utf-8").splitlines()]


def list_cells(content: bytes) -> Iterator[str]:
    """Yield the cells of a workbook, a line each: where they are, what they hold and say, and how
    their number is shown."""
    formulas, values = (
        openpyxl.load_workbook(io.BytesIO(content), data_only=data_only)
        for data_only in (False, True)
    )
    for sheet in formulas:
        for row in sheet.iter_rows():
            for cell in row:
                if cell.value is not None:
                    value = values[sheet.title][cell.coordinate].value
                    described = [sheet.title, cell.coordinate, value, cell.number_format]
                    if isinstance(value, int):
                        described[2] = float(value)
                    if value != cell.value:
                        described.append(cell.value)
                    yield json.dumps(described, ensure_ascii=False, default=str) + "\n"


def _at(month: int, day: int) -> datetime:
    return datetime(2026, month, day, 9, tzinfo=UTC)


def main() -> None:
    """Write the files anew."""
    with tempfile.TemporaryDirectory() as folder:
        settings = make_settings(database_url=f"sqlite:///{folder}/csat.db")
        database = Database(settings.database_url)
        upgrade(database)
        fill_ledger(Donations(database, settings))
        with database.reading() as connection:
            rows, ledger = read_rows(connection), Ledger(read_entries(connection))
        database.close()
    GOLDEN.mkdir(exist_ok=True)
    LEDGER.write_text(
        "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8"
    )
    lines = list_closed(ledger)
    DONATIONS_CSV.write_bytes(format_donations(ledger, lines, ExportKind.CSV))
    ENTRIES_CSV.write_bytes(format_entries(ledger.entries, ExportKind.CSV))
    workbook = format_donations(ledger, lines, ExportKind.XLSX)
    CELLS.write_text("".join(list_cells(workbook)), encoding="utf-8")


if __name__ == "__main__":
    main()
