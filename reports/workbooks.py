"""Tables as a workbook for Excel, in which nothing that customers wrote is more than a text."""

import io
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import xlsxwriter  # type: ignore[import-untyped]

from pipeline.output_files import defuse
from reports.columns import Column, ColumnType, read_columns
from survey.errors import CsatError

# Excel's limits. Characters outside the Basic Multilingual Plane count twice.
MOST_ROWS = 1_048_576
LONGEST_TEXT = 32_767
CUT = " […]"
# The first day that Excel counts right: it takes 1900 for a leap year.
_FIRST_DAY = date(1900, 3, 1)

_OPTIONS = {
    # Otherwise customers' words would lie in temporary files meanwhile.
    "in_memory": True,
    "strings_to_formulas": False,
    "strings_to_urls": False,
    "strings_to_numbers": False,
}
# The same tables must give the same bytes, whenever they are written.
_CREATED = datetime(1980, 1, 1, tzinfo=UTC)

_NUMBER_FORMATS = {
    ColumnType.COUNT: "#,##0",
    ColumnType.PERCENT: "0.00",
    ColumnType.MEAN: "0.000",
    ColumnType.HOURS: "#,##0.00",
    ColumnType.TIME: "yyyy-mm-dd hh:mm:ss",
    ColumnType.DAY: "yyyy-mm-dd",
}
_TIME_WIDTH, _WIDEST, _MARGIN = 19, 60, 2

# What XML cannot hold. A tab and the end of a line stay.
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_END_OF_LINE = re.compile("\r\n?")
# Two kinds of texts the library would write wrongly. One that begins and ends with its own markup
# would stand in the file unescaped. And `_x0041_`, which means a character in the file, it escapes
# only once where two of them share an underscore. In three pieces or more, both are right.
_NEEDS_PIECES = re.compile(r"\A<r>.*</r>\Z|_x[0-9A-Fa-f]{4}_x[0-9A-Fa-f]{4}_", re.DOTALL)
_BETWEEN_PIECES = re.compile(r"(?<=\A<)|(?<=\A<r)|(?<=_)(?=x[0-9A-Fa-f]{4}_)")


class TooManyRows(CsatError):
    """The error that a table does not fit into a sheet."""


def format_workbook(tables: Mapping[str, pd.DataFrame]) -> bytes:
    """Return a workbook (XLSX) with a sheet for each table, by name.

    Cells are typed, and the header row stays when one scrolls. Excel knows no time zones: a column
    of times holds local times, and its header names the zone. Ends of lines are as Excel has them,
    a character that XML cannot hold becomes U+FFFD, and a text that Excel cannot hold is cut, with
    `CUT` at its end. Raise TooManyRows for a table that no sheet can hold.
    """
    content = io.BytesIO()
    with open_workbook(content) as book:
        for name, frame in tables.items():
            book.add_table(name, frame)
    return content.getvalue()


@contextmanager
def open_workbook(content: io.BytesIO) -> Iterator["Workbook"]:
    """Yield a workbook to fill with sheets; at the end it is written as `content`."""
    with xlsxwriter.Workbook(content, _OPTIONS) as workbook:
        workbook.set_properties({"created": _CREATED})
        yield Workbook(workbook)


class Workbook:
    """A workbook that is being written. The same sheets give the same bytes."""

    def __init__(self, workbook: Any) -> None:
        self._workbook = workbook
        self._formats: dict[tuple[tuple[str, object], ...], Any] = {}

    def add_sheet(self, name: str) -> Any:
        """Add an empty sheet; return it, as xlsxwriter knows it."""
        return self._workbook.add_worksheet(name)

    def add_table(self, name: str, frame: pd.DataFrame) -> None:
        """Add a sheet that holds a table, as `format_workbook` says. Raise TooManyRows."""
        if len(frame) >= MOST_ROWS:
            raise TooManyRows(
                f"{name} has {len(frame):,} rows, and a sheet holds {MOST_ROWS - 1:,}; "
                "take CSV or Parquet"
            )
        sheet = self.add_sheet(name)
        sheet.freeze_panes(1, 0)
        for place, column in enumerate(read_columns(frame)):
            self._write_column(sheet, place, column)

    def find_format(self, **properties: object) -> Any:
        """Return the format of cells that has these properties, named as xlsxwriter does."""
        key = tuple(sorted(properties.items()))
        if key not in self._formats:
            self._formats[key] = self._workbook.add_format(properties)
        return self._formats[key]

    def write_text(
        self, sheet: Any, row: int, place: int, value: str, **properties: object
    ) -> None:
        """Write a text into a cell, in which it never becomes a formula, a number or a link."""
        text = clean_text(value)
        if defuse(text) != text:
            # Whoever edits such a cell does not make it a formula.
            properties["quote_prefix"] = True
        cell_format = self.find_format(**properties)
        if _NEEDS_PIECES.search(text):
            sheet.write_rich_string(row, place, *_BETWEEN_PIECES.split(text), cell_format)
        else:
            sheet.write_string(row, place, text, cell_format)

    def _write_column(self, sheet: Any, place: int, column: Column) -> None:
        is_time = column.type is ColumnType.TIME
        header = f"{column.name} ({column.timezone})" if is_time else column.name
        sheet.set_column(place, place, _width_of(header, column))
        sheet.write_string(0, place, header, self.find_format(bold=True, bottom=1))
        for row, value in enumerate(column.values, start=1):
            if value is not None:
                self._write_value(sheet, row, place, value, column.type)

    def _write_value(
        self, sheet: Any, row: int, place: int, value: Any, column_type: ColumnType
    ) -> None:
        if column_type is ColumnType.TEXT:
            self.write_text(sheet, row, place, value)
        elif column_type is ColumnType.MONEY:
            sheet.write_number(row, place, value, self.find_format(num_format=money_format(value)))
        elif column_type is ColumnType.TIME and value.date() < _FIRST_DAY:
            sheet.write_string(row, place, value.replace(tzinfo=None).isoformat(" "))
        else:
            cell_format = self.find_format(num_format=_NUMBER_FORMATS[column_type])
            if column_type is ColumnType.TIME:
                sheet.write_datetime(row, place, value.replace(tzinfo=None), cell_format)
            elif column_type is ColumnType.DAY:
                sheet.write_datetime(row, place, value, cell_format)
            else:
                sheet.write_number(row, place, value, cell_format)


def money_format(amount: Decimal, decimals: int = 0) -> str:
    """Return the number format that shows every decimal of an amount, and at least so many."""
    exponent = amount.as_tuple().exponent
    shown = max(decimals, -exponent if isinstance(exponent, int) else 0)
    return f"#,##0.{'0' * shown}" if shown else "#,##0"


def clean_text(text: str) -> str:
    """Return a text as a cell of a workbook can hold it."""
    text = _NOT_IN_XML.sub("\ufffd", _END_OF_LINE.sub("\n", text))
    units = text.encode("utf-16-le")
    if len(units) <= 2 * LONGEST_TEXT:
        return text
    # Half a character at the end is left out.
    return units[: 2 * (LONGEST_TEXT - len(CUT))].decode("utf-16-le", "ignore") + CUT


def _width_of(header: str, column: Column) -> int:
    """Return how wide a column is, in characters, so that what stands in it can be read."""
    if column.type is ColumnType.TEXT:
        longest = max((len(value) for value in column.values if value is not None), default=0)
    elif column.type is ColumnType.MONEY:
        longest = max(
            (len(f"{value:,}") for value in column.values if value is not None), default=0
        )
    else:
        longest = _TIME_WIDTH if column.type is ColumnType.TIME else 0
    return min(max(len(header), longest), _WIDEST) + _MARGIN
