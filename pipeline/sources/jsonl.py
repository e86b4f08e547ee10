"""Reading events from one of PostHog's JSON-lines files, plain or compressed."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from pipeline.clean import SURVEY_SENT, BadEvent, RawEvent, raw_event
from pipeline.sources.source import SourceError

_COMPRESSION = {".gz": "gzip", ".br": "brotli"}


def read_jsonl(path: Path) -> Iterator[RawEvent]:
    """The `survey sent` events of a JSON-lines file; raises SourceError with file and line."""
    number = 0
    try:
        for line in _lines(path):
            number += 1
            if not line.strip():
                continue
            event = _read_line(line)
            if event is not None:
                yield event
    except BadEvent as error:
        raise SourceError(f"{path}, line {number}: {error}") from None
    except (pa.ArrowException, OSError, EOFError) as error:
        reason = str(error).splitlines()[0] if str(error) else "it ends too early"
        raise SourceError(f"{path} cannot be read past line {number}: {reason}") from None


def _lines(path: Path) -> Iterator[bytes]:
    """The file's lines, one at a time, unpacked on the way."""
    compression = _COMPRESSION.get(path.suffix.lower())
    with pa.input_stream(str(path), compression=compression) as stream:
        rest = b""
        while chunk := stream.read(1 << 20):
            *lines, rest = (rest + chunk).split(b"\n")
            yield from lines
        if rest:
            yield rest


def _read_line(line: bytes) -> RawEvent | None:
    try:
        event: Any = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise BadEvent(f"not JSON: {error}") from None
    if not isinstance(event, dict) or "event" not in event:
        raise BadEvent("not one of PostHog's events: it has no field event")
    if event["event"] != SURVEY_SENT:
        return None
    missing = [name for name in ("uuid", "timestamp", "properties") if name not in event]
    if missing:
        raise BadEvent(f"it has no field {', '.join(missing)}")
    properties = event["properties"]
    if isinstance(properties, str):
        try:
            properties = json.loads(properties)
        except (ValueError, RecursionError) as error:
            raise BadEvent(f"properties are not JSON: {error}") from None
    return raw_event(event["uuid"], event.get("distinct_id"), event["timestamp"], properties)
