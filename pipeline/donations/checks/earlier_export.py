"""Compares the ledger with an export that was made of it earlier, plain or with `--detail`."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from pipeline.donations.checks.difference import LedgerDiffers
from pipeline.donations.ledger import Ledger, Status
from pipeline.donations.lines import (
    COLUMNS,
    ENTRY_COLUMNS,
    Line,
    closed_line,
    entry_line,
    opening_line,
)
from pipeline.output_files import defuse
from survey.errors import CsatError
from survey.ledger import EntryKind, LedgerEntry
from survey.ledger_chain import name_entry
from survey.months import Month

# A spreadsheet that has saved the file again may have written numbers in another way.
_NUMBERS = {
    *("responses", "adjustments", "hedgehogs", "unit_amount", "amount"),
    *("sequence", "corrected", "newest_answer"),
}

# A month before the first close is an opening month, also before an entry counts it.
_NOT_IN_LEDGER = (Status.OPEN, Status.OPENING)


class BadExport(CsatError):
    """The error that a file is no donation export; the message names it, and says why."""


@dataclass(frozen=True)
class EarlierExport:
    """The lines of a donation export, each with its number in the file; `is_detailed` if they are
    entries."""

    path: Path
    is_detailed: bool
    lines: tuple[tuple[int, Mapping[str, str]], ...]


@dataclass(frozen=True)
class ComparedExport:
    """How many lines of an export stand in the ledger, how many months were open when it was made,
    and how many got entries since: payments and corrections, or changes of opening months."""

    confirmed: int
    was_open: int
    continued: int


def read_export(path: Path) -> EarlierExport:
    """Read an export. Raise BadExport."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise BadExport(f"{path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadExport(
            f"{path} is no text in UTF-8: --against takes the CSV file of `csat donations export`"
        ) from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        rows = [(reader.line_num, row) for row in reader if row]
    except csv.Error as error:
        raise BadExport(f"{path}, line {reader.line_num}, is no CSV: {error}") from None
    header = rows[0][1] if rows else []
    is_detailed = "sequence" in header
    _check_header(path, header, ENTRY_COLUMNS if is_detailed else COLUMNS)
    for number, row in rows[1:]:
        if len(row) != len(header):
            raise BadExport(
                f"{path}, line {number}, has {len(row)} cells, and the header has {len(header)}"
            )
    if not rows[1:]:
        raise BadExport(f"{path} has no line besides its header: there is nothing to compare")
    lines = [(number, dict(zip(header, row, strict=True))) for number, row in rows[1:]]
    return EarlierExport(path, is_detailed, tuple(lines))


def _check_header(path: Path, header: Sequence[str], columns: Sequence[str]) -> None:
    missing = [name for name in columns if name not in header]
    if len(missing) == len(columns):
        raise BadExport(f"{path} is no donation export: its header has none of the columns")
    if missing:
        raise BadExport(f"{path} is no whole donation export: it has no {', '.join(missing)}")
    if len(set(header)) < len(header):
        raise BadExport(f"{path} has a column twice: --against takes the file as it was exported")


def check_export(export: EarlierExport, ledger: Ledger) -> ComparedExport:
    """Check that every line of an export still stands in the ledger: that its entry is there, and
    that the ledger up to this entry gives the same line. Raise LedgerDiffers, and BadExport."""
    by_hash = {each.hash: each for each in ledger.entries}
    confirmed = was_open = continued = 0
    for number, line in export.lines:
        where = f"{export.path}, line {number}"
        if export.is_detailed:
            entry = _find_entry(where, line, by_hash)
            _compare(where, line, ENTRY_COLUMNS, entry_line(entry), entry)
        elif line["status"] in _NOT_IN_LEDGER and not line["ledger_hash"]:
            was_open += 1
            continue
        else:
            entry, expected = _find_line(where, line, by_hash, ledger)
            _compare(where, line, COLUMNS, expected, entry)
            continued += entry is not ledger.entries_of(entry.month)[-1]
        confirmed += 1
    return ComparedExport(confirmed, was_open, continued)


def _find_entry(
    where: str, line: Mapping[str, str], by_hash: Mapping[str, LedgerEntry]
) -> LedgerEntry:
    """Return the entry that a line of a detailed export repeats."""
    entry = by_hash.get(line["hash"])
    if entry is None:
        raise LedgerDiffers(
            f"{where}: {name_entry(line)} was recorded at {line['recorded_at']} by "
            f"{line['recorded_by']}; {_explain_absence(line['hash'])}"
        )
    return entry


def _find_line(
    where: str, line: Mapping[str, str], by_hash: Mapping[str, LedgerEntry], ledger: Ledger
) -> tuple[LedgerEntry, Line]:
    """Return the latest entry of a month at the time of the export, and how its line read then."""
    try:
        month, status = Month.parse(line["month"]), Status(line["status"])
    except ValueError as error:
        raise BadExport(f"{where}: {error}") from None
    entry = by_hash.get(line["ledger_hash"])
    if entry is None or entry.month != month or entry.kind is EntryKind.RATE:
        raise LedgerDiffers(
            f"{where}: {month} {_tell_past(line, status)} with {line['hedgehogs']} hedgehogs; "
            f"{_explain_absence(line['ledger_hash'])}, and it {_tell_present(ledger, month)}"
        )
    then = Ledger(ledger.entries[: entry.sequence])
    if month in then.closed:
        return entry, closed_line(then.closed[month])
    if month in then.openings:
        return entry, opening_line(then, month)
    raise LedgerDiffers(f"{where}: {name_entry(vars(entry))} is not the latest of a month")


def _compare(
    where: str,
    line: Mapping[str, str],
    columns: Sequence[str],
    expected: Line,
    entry: LedgerEntry,
) -> None:
    for name in columns:
        value = expected.get(name)
        if not _is_same(name, line[name], value):
            raise LedgerDiffers(
                f"{where}: {name} is {line[name]!r}, and the ledger says {_show(value)!r} up to "
                f"{name_entry(vars(entry))}: the file was changed, or counts by other rules"
            )


def _is_same(name: str, cell: str, value: Any) -> bool:
    shown = _show(value)
    if cell == shown:
        return True
    if name not in _NUMBERS or value is None:
        return False
    try:
        return Decimal(cell) == Decimal(shown)
    except InvalidOperation:
        return False


def _show(value: Any) -> str:
    """Return a value as it stands in the file, where no text begins as a formula does."""
    if value is None:
        return ""
    return defuse(value) if isinstance(value, str) else str(value)


def _tell_past(line: Mapping[str, str], status: Status) -> str:
    if status is Status.OPENING:
        return "was an opening month"
    return f"was closed at {line['closed_at']} by {line['closed_by']}"


def _tell_present(ledger: Ledger, month: Month) -> str:
    if month in ledger.closed:
        closed = ledger.closed[month]
        return (
            f"has closed the month at {closed.close.recorded_at.isoformat()} by "
            f"{closed.close.recorded_by} with {closed.hedgehogs} hedgehogs"
        )
    if month in ledger.openings:
        return f"has it as an opening month with {ledger.counted_in(month)} hedgehogs"
    return "has not closed the month"


def _explain_absence(found_hash: str) -> str:
    return (
        f"the ledger has no such entry (hash {found_hash[:12] or 'missing'}…): entries were "
        "deleted or changed, or a backup from before them was restored"
    )
