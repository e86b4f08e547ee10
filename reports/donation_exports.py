"""The donation export as a file: CSV for programs, a workbook for people."""

import io
from collections.abc import Sequence

from pipeline.donations.ledger import Ledger
from pipeline.donations.lines import Line, frame_entries, frame_lines
from reports.donation_sheet import write_summary
from reports.exports import ExportKind, format_table
from reports.workbooks import open_workbook
from survey.ledger import LedgerEntry
from survey.months import Month

NAME = "donations"
ENTRIES = "entries"


def format_donations(ledger: Ledger, lines: Sequence[Line], kind: ExportKind) -> bytes:
    """Return these lines of the ledger as a file.

    A workbook begins with a sheet to read and to pay from; the lines follow as they are in CSV, and
    the entries behind them.
    """
    frame = frame_lines(lines)
    if kind is not ExportKind.XLSX:
        return format_table(NAME, frame, kind)
    entries = ledger.entries_behind({Month.parse(line["month"]) for line in lines})
    content = io.BytesIO()
    with open_workbook(content) as book:
        write_summary(book, ledger, lines, entries)
        book.add_table(NAME, frame)
        book.add_table(ENTRIES, frame_entries(entries))
    return content.getvalue()


def format_entries(entries: Sequence[LedgerEntry], kind: ExportKind) -> bytes:
    """Return entries of the ledger as a file, with everything that their hashes are made of."""
    return format_table(ENTRIES, frame_entries(entries), kind)
