"""The donation export as a file: CSV for programs, a workbook for people."""

from collections.abc import Sequence

from pipeline.donations.ledger import Ledger
from pipeline.donations.lines import Line, frame_entries, frame_lines
from reports.exports import ExportKind, format_table
from reports.workbooks import format_workbook

NAME = "donations"


def format_donations(ledger: Ledger, lines: Sequence[Line], kind: ExportKind) -> bytes:
    """Return these lines of the ledger as a file."""
    frame = frame_lines(lines)
    if kind is not ExportKind.XLSX:
        return format_table(NAME, frame, kind)
    return format_workbook({NAME: frame, "entries": frame_entries(ledger.entries)})
