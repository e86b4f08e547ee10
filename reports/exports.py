"""The tables of a report as files to take away: CSV, a workbook for Excel, or Parquet."""

import io
from datetime import UTC
from enum import StrEnum

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.output_files import format_csv
from reports.columns import Column, ColumnType, read_columns
from reports.workbooks import format_workbook


class ExportKind(StrEnum):
    """A kind of file, named as its files end."""

    CSV = "csv"
    XLSX = "xlsx"
    PARQUET = "parquet"

    @property
    def content_type(self) -> str:
        """What a browser is told that the file is."""
        return _CONTENT_TYPES[self]


_CONTENT_TYPES = {
    ExportKind.CSV: "text/csv; charset=utf-8",
    ExportKind.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ExportKind.PARQUET: "application/vnd.apache.parquet",
}
_ARROW_TYPES = {
    ColumnType.TEXT: pa.string(),
    ColumnType.COUNT: pa.int64(),
    ColumnType.PERCENT: pa.decimal128(9, 2),
    ColumnType.MEAN: pa.decimal128(9, 3),
    ColumnType.MONEY: pa.decimal128(20, 6),
    ColumnType.HOURS: pa.decimal128(9, 2),
    ColumnType.DAY: pa.date32(),
}


def format_table(name: str, frame: pd.DataFrame, kind: ExportKind) -> bytes:
    """Return a table as a file; a workbook has one sheet of this name.

    The kinds hold the same values. Only in CSV a text that a spreadsheet would run as a formula has
    a leading `'`: the others say that it is a text. Raise TooManyRows for a workbook that cannot
    hold the table.
    """
    if kind is ExportKind.CSV:
        return format_csv(frame).encode()
    if kind is ExportKind.XLSX:
        return format_workbook({name: frame})
    return format_parquet(frame)


def format_parquet(frame: pd.DataFrame) -> bytes:
    """Return a table as Parquet. The types are those of the columns, also where no row has a
    value."""
    table = pa.table({column.name: _as_arrow(column) for column in read_columns(frame)})
    content = io.BytesIO()
    pq.write_table(table, content)
    return content.getvalue()


def _as_arrow(column: Column) -> pa.Array:
    if column.type is not ColumnType.TIME:
        return pa.array(column.values, _ARROW_TYPES[column.type])
    # Pandera sets PYARROW_IGNORE_TIMEZONE, and Arrow then takes any time for one in UTC.
    instants = [value and value.astimezone(UTC) for value in column.values]
    return pa.array(instants, pa.timestamp("us", str(column.timezone)))


def name_file(period: str, table: str, kind: ExportKind) -> str:
    """Return the name under which a browser keeps a file: `csat-2026-10-teams.csv`."""
    # Two dots in a name make some programs believe that the file is of another kind.
    return f"csat-{period.replace('..', '_')}-{table}.{kind}"
