"""Reading one of PostHog's Parquet files: as events, or as what the rules need of them."""

import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.clean import SURVEY_SENT, BadEvent, RawEvent, raw_event
from pipeline.extract import Keys, reduce_batch
from pipeline.reduced import join
from pipeline.sources.files import ExportFile
from pipeline.sources.one_by_one import NumberedEvent, reduce_one_by_one
from pipeline.sources.source import OnProgress, SourceError
from survey.settings import Settings

_COLUMNS = ("uuid", "event", "distinct_id", "properties", "timestamp")
# What a batch may take in memory, unpacked, and how many rows it has at most.
_BATCH_BYTES = 16 * 1024 * 1024
_ROWS_AT_ONCE = 32_768


def read_parquet(file: ExportFile, rows: Collection[int] | None = None) -> Iterator[RawEvent]:
    """The `survey sent` events of a Parquet file, or those in `rows`, counted from 1.

    Raises SourceError that names file and row.
    """
    with _opened(file) as parquet:
        for group in range(parquet.num_row_groups):
            first = _first_row(parquet, group)
            behind = first + parquet.metadata.row_group(group).num_rows
            if rows is not None and not any(first <= row < behind for row in rows):
                continue
            for batch, places in _batches(parquet, group):
                if rows is not None:
                    chosen = np.flatnonzero(np.isin(places, list(rows)))
                    batch, places = batch.take(pa.array(chosen)), places[chosen]
                for _, event in _read_rows(file, batch, places):
                    yield event


def count_row_groups(file: ExportFile) -> int:
    """Into how many parts a Parquet file can be divided to be read at once."""
    with _opened(file) as parquet:
        return int(parquet.num_row_groups)


def reduce_parquet(
    file: ExportFile, settings: Settings, on_progress: OnProgress, group: int | None = None
) -> pa.Table:
    """The answers of a Parquet file or of one of its row groups, reduced (`reduced.SCHEMA`).

    Raises SourceError that names file and row.
    """
    keys, tables = Keys.of(settings), []

    def read_rest(parquet: pq.ParquetFile) -> Iterator[NumberedEvent]:
        """Add what is plain to the tables; give what is not."""
        groups = range(parquet.num_row_groups) if group is None else [group]
        for each in groups:
            for batch, places in _batches(parquet, each):
                rest = np.arange(batch.num_rows)
                if _is_plain(batch.schema):
                    table, rest = reduce_batch(batch, places, keys)
                    tables.append(table)
                if len(rest):
                    yield from _read_rows(file, batch.take(pa.array(rest)), places[rest])
                on_progress(batch.num_rows)

    with _opened(file) as parquet:
        tables.extend(reduce_one_by_one(file, read_rest(parquet), settings))
    return join(tables)


@contextmanager
def _opened(file: ExportFile) -> Iterator[pq.ParquetFile]:
    try:
        with file.open() as stream, pq.ParquetFile(stream) as parquet:
            _check_columns(file, parquet.schema_arrow)
            yield parquet
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
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
    """Whether a column can hold text; one without any value has a type of its own."""
    return (
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or bool(pa.types.is_null(kind))
    )


def _is_plain(schema: pa.Schema) -> bool:
    """Whether the columns are as PostHog writes them."""
    texts = ("uuid", "distinct_id", "properties")
    return pa.types.is_timestamp(schema.field("timestamp").type) and all(
        pa.types.is_string(schema.field(name).type) for name in texts
    )


def _first_row(parquet: pq.ParquetFile, group: int) -> int:
    return 1 + sum(int(parquet.metadata.row_group(i).num_rows) for i in range(group))


def _batches(parquet: pq.ParquetFile, group: int) -> Iterator[tuple[pa.RecordBatch, Any]]:
    """The `survey sent` events of a row group, some at a time, with their rows in the file."""
    described = parquet.metadata.row_group(group)
    bytes_per_row = described.total_byte_size // max(described.num_rows, 1) + 1
    at_once = max(1, min(_ROWS_AT_ONCE, _BATCH_BYTES // bytes_per_row))
    first = _first_row(parquet, group)
    batches = parquet.iter_batches(
        at_once, row_groups=[group], columns=list(_COLUMNS), use_threads=False
    )
    for batch in batches:
        places = np.arange(first, first + batch.num_rows)
        first += batch.num_rows
        # As bytes: another event's name may be no text at all.
        names = batch.column("event").cast(pa.binary())
        is_answer = pc.fill_null(pc.equal(names, SURVEY_SENT.encode()), False)
        if not pc.all(is_answer, min_count=0).as_py():
            batch, places = batch.filter(is_answer), places[np.asarray(is_answer)]
        yield batch, places


def _read_rows(file: ExportFile, batch: pa.RecordBatch, places: Any) -> Iterator[NumberedEvent]:
    columns = [batch.column(name) for name in ("uuid", "distinct_id", "properties")]
    columns.append(_to_microseconds(batch.column("timestamp")))
    for row, *cells in zip(places.tolist(), *columns, strict=True):
        try:
            uuid, distinct_id, properties, time = (cell.as_py() for cell in cells)
            yield row, raw_event(uuid, distinct_id, time, _parse(properties))
        # The other two: text that is not UTF-8, a time that no calendar has.
        except (BadEvent, UnicodeDecodeError, OverflowError) as error:
            raise SourceError(f"{file}, row {row}: {error}") from None


def _to_microseconds(column: pa.Array) -> pa.Array:
    """Times without what is finer than microseconds, which is cut off as everywhere else."""
    if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
        return column.cast(pa.timestamp("us", tz=column.type.tz), safe=False)
    return column


def _parse(properties: Any) -> Any:
    """Properties as JSON says them; a nested column holds them as they are."""
    if properties is None:
        return None
    try:
        return json.loads(properties if isinstance(properties, str) else json.dumps(properties))
    except TypeError as error:
        raise BadEvent(f"properties hold what JSON does not know: {error}") from None
    except (ValueError, RecursionError) as error:
        raise BadEvent(f"properties are not JSON: {error}") from None
