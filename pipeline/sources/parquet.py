"""Reading events from one of PostHog's Parquet files."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.clean import SURVEY_SENT, BadEvent, RawEvent, raw_event
from pipeline.sources.source import SourceError

_COLUMNS = ("uuid", "event", "distinct_id", "properties", "timestamp")
_ROWS_AT_ONCE = 65_536


def read_parquet(path: Path) -> Iterator[RawEvent]:
    """The `survey sent` events of a Parquet file; raises SourceError that names file and row."""
    try:
        with pq.ParquetFile(path) as file:
            _check_columns(path, file.schema_arrow)
            first_row = 1
            for batch in file.iter_batches(_ROWS_AT_ONCE, columns=list(_COLUMNS)):
                yield from _read_batch(path, batch, first_row)
                first_row += batch.num_rows
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0]
        raise SourceError(f"{path} is not a whole Parquet file: {reason}") from None


def _check_columns(path: Path, schema: pa.Schema) -> None:
    missing = [name for name in _COLUMNS if name not in schema.names]
    if missing:
        raise SourceError(
            f"{path} is not one of PostHog's event exports: it has no column {', '.join(missing)}"
        )
    doubled = [name for name in _COLUMNS if schema.names.count(name) > 1]
    if doubled:
        raise SourceError(f"{path} has more than one column {', '.join(doubled)}")
    for name in ("uuid", "event", "distinct_id", "properties"):
        kind = schema.field(name).type
        if not _is_text(kind):
            raise SourceError(f"{path}: the column {name} holds {kind}, not text")
    kind = schema.field("timestamp").type
    if not (pa.types.is_timestamp(kind) or _is_text(kind)):
        raise SourceError(f"{path}: the column timestamp holds {kind}, not times")


def _is_text(kind: pa.DataType) -> bool:
    """Whether a column can hold text; one without any value has a type of its own."""
    return (
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or bool(pa.types.is_null(kind))
    )


def _read_batch(path: Path, batch: pa.RecordBatch, first_row: int) -> Iterator[RawEvent]:
    is_answer = pc.fill_null(pc.equal(batch.column("event").cast(pa.string()), SURVEY_SENT), False)
    rows = pc.indices_nonzero(is_answer)
    answers = batch.take(rows)
    columns = [answers.column(name) for name in ("uuid", "distinct_id", "properties")]
    columns.append(_to_microseconds(answers.column("timestamp")))
    for row, *cells in zip(rows.to_pylist(), *columns, strict=True):
        try:
            uuid, distinct_id, properties, time = (cell.as_py() for cell in cells)
            yield raw_event(uuid, distinct_id, time, _parse(properties))
        # The other two: text that is not UTF-8, a time that no calendar has.
        except (BadEvent, UnicodeDecodeError, OverflowError) as error:
            raise SourceError(f"{path}, row {first_row + row}: {error}") from None


def _to_microseconds(column: pa.Array) -> pa.Array:
    """Times without what is finer than microseconds, which is cut off as everywhere else."""
    if pa.types.is_timestamp(column.type) and column.type.unit == "ns":
        return column.cast(pa.timestamp("us", tz=column.type.tz), safe=False)
    return column


def _parse(properties: str | None) -> Any:
    if properties is None:
        return None
    try:
        return json.loads(properties)
    except (ValueError, RecursionError) as error:
        raise BadEvent(f"properties are not JSON: {error}") from None
