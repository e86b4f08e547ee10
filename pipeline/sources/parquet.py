"""Reading PostHog's Parquet files: as events, or as answers in columns."""

import json
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.answers import SCHEMA
from pipeline.events import (
    BadEvent,
    Comment,
    NumberedEvent,
    parse_properties,
    raw_event,
    tabulate_numbered,
)
from pipeline.sources.base import OnProgress, SourceError
from pipeline.sources.export_files import ExportFile, explain
from pipeline.sources.parquet_columns import extract_answers, extract_comments, extract_rows
from survey.counting_rules import CountingRules
from survey.event_values import SURVEY_SENT

_COLUMNS = ("uuid", "event", "distinct_id", "properties", "timestamp")
# What a batch may take in memory, unpacked, and how many rows it has at most.
_BATCH_BYTES = 16 * 1024 * 1024
_ROWS_AT_ONCE = 32_768

# Events as Arrow holds them, and the row of each in its file, counted from 1.
NumberedBatch = tuple[pa.RecordBatch, Any]


def read_parquet(file: ExportFile, rows: Collection[int] | None = None) -> Iterator[NumberedEvent]:
    """Yield the `survey sent` events of a Parquet file, or those in `rows`, counted from 1.

    Raises SourceError that names file and row.
    """
    found = None if rows is None else _find_rows(file, rows)
    for batch, numbers in _all_batches(file, rows) if found is None else found:
        yield from _read_batch(file, batch, numbers)


def _find_rows(file: ExportFile, rows: Collection[int]) -> list[NumberedBatch] | None:
    """Return some rows of a file as DuckDB finds them; None where the whole file must be read."""
    # DuckDB does not unpack the rows between: for a few rows, that takes a tenth of the time.
    # More rows than a batch are read one batch at a time, to save memory.
    if len(rows) > _ROWS_AT_ONCE or not _is_plain(file):
        return None
    try:
        table = extract_rows(file.address, rows, file.filesystem)
    except duckdb.Error:
        return None
    return [(batch, batch.column("row")) for batch in table.to_batches()]


def _all_batches(file: ExportFile, rows: Collection[int] | None) -> Iterator[NumberedBatch]:
    """Yield the `survey sent` events of a file, or those in `rows`, some at a time."""
    with _opened(file) as parquet:
        for group in range(parquet.num_row_groups):
            for batch, numbers in _batches(parquet, group):
                if rows is not None:
                    chosen = np.flatnonzero(np.isin(numbers, list(rows)))
                    batch, numbers = batch.take(pa.array(chosen)), numbers[chosen]
                yield batch, numbers


def read_parquet_answers(
    files: Sequence[ExportFile],
    rules: CountingRules,
    on_progress: OnProgress,
    threads: int = 1,
) -> list[pa.Table]:
    """Return the answers of each Parquet file (`answers.SCHEMA`), read by so many threads.

    Raises SourceError that names file and row.
    """
    plain = [file for file in files if _is_plain(file)]
    by_column = dict(zip(plain, _extract_plain(plain, rules, on_progress, threads), strict=True))
    tables = []
    for file in files:
        some, rest = by_column.get(file, ([], None))
        if rest is None or rest:
            some += tabulate_numbered(read_parquet(file, rest), rules)
        tables.append(pa.concat_tables([SCHEMA.empty_table(), *some]))
    return tables


def read_parquet_comments(
    file: ExportFile, rows: Collection[int], rules: CountingRules
) -> dict[int, Comment]:
    """Return the comments in some rows of a Parquet file, counted from 1: of those that are
    plain."""
    if not _is_plain(file):
        return {}
    try:
        return extract_comments(file.address, rows, rules, file.filesystem)
    except duckdb.Error:
        return {}


def _extract_plain(
    files: Sequence[ExportFile], rules: CountingRules, on_progress: OnProgress, threads: int
) -> list[tuple[list[pa.Table], set[int] | None]]:
    """Return of each file the answers that can be read by columns, and the rows that are left; None
    where all rows are left."""
    if not files:
        return []
    found: list[tuple[list[pa.Table], set[int]]] = [([], set()) for _ in files]
    addresses, filesystem = [file.address for file in files], files[0].filesystem
    try:
        for extract in extract_answers(addresses, rules, filesystem, threads):
            tables, rest = found[extract.file]
            tables.append(extract.answers)
            rest.update(extract.rest)
            on_progress(extract.answers.num_rows + len(extract.rest))
    except duckdb.Error:
        # One row may be the reason, for example a text that is not UTF-8: it will be named.
        if len(files) == 1:
            return [([], None)]
        return [
            each for file in files for each in _extract_plain([file], rules, on_progress, threads)
        ]
    return list(found)


def _is_plain(file: ExportFile) -> bool:
    """Return whether DuckDB can read the columns.

    For DuckDB names are the same in capitals, and `file_index` and `file_row_number` its own.
    Finer times than microseconds are cut off by Python, and rounded by DuckDB.
    """
    with _opened(file) as parquet:
        schema = parquet.schema_arrow
    kind = schema.field("timestamp").type
    names = Counter(name.lower() for name in schema.names)
    return (
        pa.types.is_timestamp(kind)
        and kind.unit in ("ms", "us")
        and _is_text(schema.field("properties").type)
        and all(names[name] == 1 for name in _COLUMNS)
        and names.keys().isdisjoint(("file_index", "file_row_number"))
    )


@contextmanager
def _opened(file: ExportFile) -> Iterator[pq.ParquetFile]:
    try:
        with file.open() as stream, pq.ParquetFile(stream) as parquet:
            _check_columns(file, parquet.schema_arrow)
            yield parquet
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        if isinstance(error, OSError) and error.errno:
            raise SourceError(explain(error, file.path)) from None
        reason = str(error).splitlines()[0]
        raise SourceError(f"{file} is not a whole Parquet file: {reason}") from None


def _check_columns(file: ExportFile, schema: pa.Schema) -> None:
    missing = [name for name in _COLUMNS if name not in schema.names]
    if missing:
        raise SourceError(
            f"{file} is not one of PostHog's event exports: it has no column {', '.join(missing)}"
        )
    doubled = [name for name in _COLUMNS if schema.names.count(name) > 1]
    if doubled:
        raise SourceError(f"{file} has more than one column {', '.join(doubled)}")
    for name in ("uuid", "event", "distinct_id", "properties"):
        kind = schema.field(name).type
        is_nested = name == "properties" and pa.types.is_struct(kind)
        if not (_is_text(kind) or is_nested):
            raise SourceError(f"{file}: the column {name} holds {kind}, not text")
    kind = schema.field("timestamp").type
    if not (pa.types.is_timestamp(kind) or _is_text(kind)):
        raise SourceError(f"{file}: the column timestamp holds {kind}, not times")


def _is_text(kind: pa.DataType) -> bool:
    """Return whether a column can hold text; one without any value has a type of its own."""
    return (
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or bool(pa.types.is_null(kind))
    )


def _first_row(parquet: pq.ParquetFile, group: int) -> int:
    return 1 + sum(int(parquet.metadata.row_group(i).num_rows) for i in range(group))


def _batches(parquet: pq.ParquetFile, group: int) -> Iterator[NumberedBatch]:
    """Yield the `survey sent` events of a row group, some at a time, with their rows in the
    file."""
    described = parquet.metadata.row_group(group)
    bytes_per_row = described.total_byte_size // max(described.num_rows, 1) + 1
    at_once = max(1, min(_ROWS_AT_ONCE, _BATCH_BYTES // bytes_per_row))
    first = _first_row(parquet, group)
    batches = parquet.iter_batches(
        at_once, row_groups=[group], columns=list(_COLUMNS), use_threads=False
    )
    for batch in batches:
        rows = np.arange(first, first + batch.num_rows)
        first += batch.num_rows
        # As bytes: another event's name may be no text at all.
        names = batch.column("event").cast(pa.binary())
        is_answer = pc.fill_null(pc.equal(names, SURVEY_SENT.encode()), False)
        if not pc.all(is_answer, min_count=0).as_py():
            batch, rows = batch.filter(is_answer), rows[np.asarray(is_answer)]
        yield batch, rows


def _read_batch(file: ExportFile, batch: pa.RecordBatch, rows: Any) -> Iterator[NumberedEvent]:
    columns = [batch.column(name) for name in ("uuid", "distinct_id", "properties")]
    columns.append(_to_microseconds(batch.column("timestamp")))
    for row, *cells in zip(rows.tolist(), *map(_values, columns), strict=True):
        try:
            uuid, distinct_id, properties, time = (
                cell.as_py() if isinstance(cell, pa.Scalar) else cell for cell in cells
            )
            yield row, raw_event(uuid, distinct_id, time, _parse(properties))
        # The other two: text that is not UTF-8, a time that no calendar has.
        except (BadEvent, UnicodeDecodeError, OverflowError) as error:
            raise SourceError(f"{file}, row {row}: {error}") from None


def _to_microseconds(column: pa.Array) -> pa.Array:
    """Times without what is finer than microseconds, which is cut off as everywhere else."""
    if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
        return column.cast(pa.timestamp("us", tz=column.type.tz), safe=False)
    return column


def _values(column: pa.Array) -> Sequence[Any]:
    """Return the values of a column; where one of them is none for Python, all are left as they
    are."""
    try:
        values: list[Any] = column.to_pylist()
    except (UnicodeDecodeError, OverflowError, ValueError):
        return list(column)
    return values


def _parse(properties: Any) -> Any:
    """Properties as JSON says them; a nested column holds them as they are."""
    if properties is None:
        return None
    try:
        text = properties if isinstance(properties, str) else json.dumps(properties)
    except (TypeError, ValueError) as error:
        raise BadEvent(f"properties hold what JSON does not know: {error}") from None
    return parse_properties(text)
