"""Events as PostHog has them, and the export files that it makes of them."""

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.events import RawEvent, raw_event
from pipeline.sources.export import ExportSource
from survey.copies import ImportedAnswer, import_event
from survey.counting_rules import CountingRules
from survey.event_values import PropertyKeys
from survey.months import Month
from survey.settings import Settings
from tests.support.responses import describe_answers

NOON = datetime(2026, 10, 14, 12, 0, 0, 123456, UTC)

Event = dict[str, Any]

# The columns of an events export, as PostHog writes them (reference/posthog.md section 5).
PARQUET_SCHEMA = pa.schema(
    {
        **dict.fromkeys(("uuid", "event", "distinct_id", "person_id"), pa.string()),
        **dict.fromkeys(("properties", "person_properties", "elements_chain"), pa.string()),
        **dict.fromkeys(("timestamp", "created_at", "_inserted_at"), pa.timestamp("us", "UTC")),
    }
)


def make_event(
    uuid: str = "u1",
    *,
    at: datetime = NOON,
    distinct_id: str | None = "jane",
    name: str = "survey sent",
    properties: Mapping[str, Any] | None = None,
    **given: Any,
) -> Event:
    """An event of ticket 42, rated 4; keyword arguments are further properties of it."""
    if properties is None:
        properties = {"ticketId": "42", "$survey_response": "4", "team": "surveys", **given}
    return {
        "uuid": uuid,
        "event": name,
        "distinct_id": distinct_id,
        "timestamp": at,
        "properties": dict(properties),
    }


def as_raw(event: Event) -> RawEvent:
    """The event as a source hands it on."""
    values = (event[name] for name in ("uuid", "distinct_id", "timestamp", "properties"))
    return raw_event(*values)


def as_imported(event: Event, rules: CountingRules) -> ImportedAnswer:
    """The event as an import, and the demo, take it."""
    values = (event[name] for name in ("uuid", "distinct_id", "timestamp", "properties"))
    return import_event(*values, PropertyKeys.of(rules), rules.secrets)


def json_line(event: Event, *, properties_as_text: bool = False) -> str:
    """A line of a JSON-lines export."""
    properties = event["properties"]
    row = {
        **event,
        "timestamp": event["timestamp"].isoformat(),
        "properties": json.dumps(properties) if properties_as_text else properties,
        "person_properties": {},
    }
    return json.dumps(row)


def write_jsonl(path: Path, events: Iterable[Event], *, properties_as_text: bool = False) -> Path:
    """A JSON-lines export, packed as its name says."""
    lines = [json_line(event, properties_as_text=properties_as_text) for event in events]
    return write_packed(path, "".join(f"{line}\n" for line in lines))


def write_packed(path: Path, text: str) -> Path:
    """A text file, packed as its name says."""
    codec = {".gz": "gzip", ".br": "brotli"}.get(path.suffix)
    content = text.encode()
    path.write_bytes(pa.compress(content, codec=codec, asbytes=True) if codec else content)
    return path


def parquet_table(events: Iterable[Event]) -> pa.Table:
    """Events as PostHog's Parquet has them: properties as JSON text."""
    rows = [{**event, "properties": json.dumps(event["properties"])} for event in events]
    return pa.Table.from_pylist(rows, schema=PARQUET_SCHEMA)


def write_parquet(path: Path, events: Iterable[Event], compression: str = "zstd") -> Path:
    """A Parquet export."""
    pq.write_table(parquet_table(events), path, compression=compression)
    return path


def read_export(path: Path, settings: Settings) -> pd.DataFrame:
    """The answers that the product reads from an export file."""
    source = ExportSource(str(path), CountingRules.of(settings))
    received = source.read_answers(lambda _read: None, comments_of=Month.of(NOON, UTC))
    return describe_answers(*received, CountingRules.of(settings))
