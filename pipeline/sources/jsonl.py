"""Reading one of PostHog's JSON-lines files, plain or compressed."""

from collections.abc import Collection, Iterator
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa

from pipeline.answers import SCHEMA
from pipeline.events import (
    BadEvent,
    NumberedEvent,
    RawEvent,
    parse_json,
    parse_properties,
    raw_event,
    tabulate_numbered,
)
from pipeline.sources.base import OnProgress, SourceError
from pipeline.sources.export_files import ExportFile, explain
from survey.counting_rules import CountingRules
from survey.event_values import SURVEY_SENT

_COMPRESSION = {".gz": "gzip", ".br": "brotli"}


def read_jsonl_answers(file: ExportFile, rules: CountingRules, on_progress: OnProgress) -> pa.Table:
    """Return the answers of a JSON-lines file (`answers.SCHEMA`).

    Raises SourceError with file and line.
    """
    tables = [SCHEMA.empty_table()]
    for table in tabulate_numbered(read_jsonl(file), rules):
        tables.append(table)
        on_progress(table.num_rows)
    return pa.concat_tables(tables)


def read_jsonl(file: ExportFile, lines: Collection[int] | None = None) -> Iterator[NumberedEvent]:
    """Yield the `survey sent` events of a JSON-lines file, or those in `lines`, counted from 1.

    Raises SourceError with file and line.
    """
    number = 0
    try:
        for line in _lines(file):
            number += 1
            if not line.strip() or (lines is not None and number not in lines):
                continue
            event = _read_line(line)
            if event is not None:
                yield number, event
    except BadEvent as error:
        raise SourceError(f"{file}, line {number}: {error}") from None
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno:
            raise SourceError(explain(error, file.path)) from None
        where = f"behind line {number}" if number else "from its beginning"
        reason = str(error).splitlines()[0]
        raise SourceError(
            f"{file} cannot be unpacked {where}: {reason}; perhaps it was not fetched to its end"
        ) from None


def _lines(file: ExportFile) -> Iterator[bytes]:
    """Yield the file's lines, one at a time, unpacked on the way."""
    compression = _COMPRESSION.get(PurePosixPath(file.name).suffix)
    with file.open() as packed, pa.input_stream(packed, compression=compression) as stream:
        rest = b""
        while chunk := stream.read(1 << 20):
            *lines, rest = (rest + chunk).split(b"\n")
            yield from lines
        if rest:
            yield rest


def _read_line(line: bytes) -> RawEvent | None:
    event: Any = parse_json(line)
    if not isinstance(event, dict) or "event" not in event:
        raise BadEvent("not one of PostHog's events: it has no field event")
    if event["event"] != SURVEY_SENT:
        return None
    missing = [name for name in ("uuid", "timestamp", "properties") if name not in event]
    if missing:
        raise BadEvent(f"it has no field {', '.join(missing)}")
    properties = event["properties"]
    if isinstance(properties, str):
        properties = parse_properties(properties)
    return raw_event(event["uuid"], event.get("distinct_id"), event["timestamp"], properties)
