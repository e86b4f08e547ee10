"""Reading events from one of PostHog's Parquet files."""

import json
from collections.abc import Iterator
from datetime import datetime
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
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise SourceError(f"{path} is not a whole Parquet file: {reason}") from None


def _check_columns(path: Path, schema: pa.Schema) -> None:
    missing = [name for name in _COLUMNS if name not in schema.names]
    if missing:
        raise SourceError(
            f"{path} is not one of PostHog's event exports: it has no column {', '.join(missing)}"
        )
    for name in ("uuid", "event", "distinct_id", "properties"):
        kind = schema.field(name).type
        if not (
            pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind)
        ):
            raise SourceError(f"{path}: the column {name} holds {kind}, not text")
    kind = schema.field("timestamp").type
    if not (pa.types.is_timestamp(kind) or pa.types.is_string(kind) or pa.types.is_null(kind)):
        raise SourceError(f"{path}: the column timestamp holds {kind}, not times")


def _read_batch(path: Path, batch: pa.RecordBatch, first_row: int) -> Iterator[RawEvent]:
    is_answer = pc.fill_null(pc.equal(batch.column("event").cast(pa.string()), SURVEY_SENT), False)
    rows = pc.indices_nonzero(is_answer)
    answers = batch.take(rows)
    times = _times(answers.column("timestamp"))
    columns = (answers.column(name).to_pylist() for name in ("uuid", "distinct_id", "properties"))
    for row, time, uuid, distinct_id, properties in zip(
        rows.to_pylist(), times, *columns, strict=True
    ):
        try:
            yield raw_event(uuid, distinct_id, time, _parse(properties))
        except BadEvent as error:
            raise SourceError(f"{path}, row {first_row + row}: {error}") from None


def _times(column: pa.Array) -> list[datetime | str | None]:
    if pa.types.is_timestamp(column.type):
        # Finer than microseconds is cut off, as everywhere else.
        column = column.cast(pa.timestamp("us", tz=column.type.tz), safe=False)
    times: list[datetime | str | None] = column.to_pylist()
    return times


def _parse(properties: str | None) -> Any:
    if properties is None:
        return None
    try:
        return json.loads(properties)
    except (ValueError, RecursionError) as error:
        raise BadEvent(f"properties are not JSON: {error}") from None
