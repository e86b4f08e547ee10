"""The donation export as a file: CSV for programs, a workbook for people."""

from collections.abc import Sequence

from pipeline.donations.ledger import Ledger
from pipeline.donations.lines import Line, frame_lines
from reports.exports import ExportKind, format_table

NAME = "donations"


def format_donations(ledger: Ledger, lines: Sequence[Line], kind: ExportKind) -> bytes:
    """Return these lines of the ledger as a file."""
    return format_table(NAME, frame_lines(lines), kind)
