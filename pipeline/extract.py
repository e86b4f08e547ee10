"""From a batch of Parquet rows to reduced answers, without making a Python object per row.

Every value that is repeated is read once: teams and tickets in words go through the same functions
as one answer does, text by text, and not row by row.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipeline import scan
from pipeline.clean import property_keys, read_ticket
from pipeline.reduced import NO_TICKET, SCHEMA, split_ticket
from survey.settings import Settings
from survey.teams import slugify_team

Array = npt.NDArray[Any]

# Instants of the years 2 to 9998, in microseconds since 1970 (clean.py refuses the others).
_EARLIEST = int(np.datetime64("0002-01-01", "us").astype(np.int64))
_LATEST = int(np.datetime64("9999-01-01", "us").astype(np.int64))


@dataclass(frozen=True)
class Keys:
    """The properties to look for, as the scanner takes them."""

    names: Array
    ends: Array
    survey_id: Array
    are_usable: bool

    @classmethod
    def of(cls, settings: Settings) -> "Keys":
        """The keys of the configured questions."""
        names = property_keys(settings)
        encoded = [name.encode("utf-8", "replace") for name in names]
        return cls(
            names=np.frombuffer(b"".join(encoded), np.uint8),
            ends=np.cumsum([len(name) for name in encoded]).astype(np.int64),
            survey_id=scan.as_bytes(settings.survey_id or ""),
            # A question called `1` would have the key of another; one with half a character,
            # none that a file could hold.
            are_usable=len(set(encoded)) == len(names) and "".join(names).isprintable(),
        )


def reduce_batch(batch: pa.RecordBatch, rows: Array, keys: Keys) -> tuple[pa.Table, Array]:
    """The answers of a batch that are plain, reduced, and the places of those that are not.

    `batch` has `uuid`, `distinct_id`, `properties` as text and `timestamp` as times; `rows` says
    where in the file each stands.
    """
    everything = np.arange(batch.num_rows)
    if not keys.are_usable or not _is_valid(batch):
        return SCHEMA.empty_table(), everything
    times, is_clear = _read_times(batch.column("timestamp"))
    uuid_high, uuid_low = np.empty((2, len(rows)), np.uint64)
    is_clear &= _scan_texts(scan.read_uuids, batch.column("uuid"), uuid_high, uuid_low)
    found = _scan_properties(batch.column("properties"), keys)
    is_clear &= found.is_clear & np.asarray(batch.column("properties").is_valid())
    persons, has_person = _read_persons(batch.column("distinct_id"), found.tickets)
    is_clear &= has_person
    numbers, words = _read_tickets(found)
    columns = {
        "uuid_high": uuid_high,
        "uuid_low": uuid_low,
        "odd_uuid": pa.nulls(len(rows), pa.string()),
        "answered_at": times,
        "ticket": numbers,
        "ticket_text": words,
        "person": persons,
        "team": _read_teams(found),
        "rating": found.small[:, scan.OUT_RATING],
        "trust": found.small[:, scan.OUT_TRUST],
        "is_other_survey": found.small[:, scan.OUT_OTHER_SURVEY].astype(bool),
        "has_comment": found.small[:, scan.OUT_HAS_COMMENT].astype(bool),
        "row": rows.astype(np.int32),
    }
    table = pa.table(columns, schema=SCHEMA)
    return table.filter(pa.array(is_clear)), everything[~is_clear]


def _is_valid(batch: pa.RecordBatch) -> bool:
    """Whether all texts are UTF-8."""
    try:
        for name in ("uuid", "distinct_id", "properties"):
            batch.column(name).validate(full=True)
    except pa.ArrowInvalid:
        return False
    return True


def _read_times(column: pa.Array) -> tuple[Array, Array]:
    """Microseconds since 1970, and which rows have a time that can be."""
    times = column.cast(pa.timestamp("us"), safe=False).cast(pa.int64())
    present = np.asarray(column.is_valid())
    values = times.fill_null(0).to_numpy()
    return values, present & (values >= _EARLIEST) & (values < _LATEST)


def _buffers(column: pa.Array) -> tuple[Array, Array]:
    """The bytes of an array of texts, and where each begins; a missing one is empty."""
    if len(column) == 0:
        return np.empty(0, np.uint8), np.zeros(1, np.int32)
    _, offsets, data = column.buffers()
    begin = column.offset
    places = np.frombuffer(offsets, np.int32)[begin : begin + len(column) + 1]
    return np.frombuffer(data or b"", np.uint8), places


def _scan_texts(scanner: Any, column: pa.Array, *out: Array) -> Array:
    is_clear: Array = np.empty(len(column), bool)
    scanner(*_buffers(column), *out, is_clear)
    is_clear &= np.asarray(column.is_valid())
    return is_clear


@dataclass(frozen=True)
class _Found:
    """What the scanner found in each row's properties."""

    data: Array
    tickets: Array
    ticket_at: Array
    team_at: Array
    small: Array

    @property
    def is_clear(self) -> Array:
        is_clear: Array = self.small[:, scan.OUT_IS_CLEAR].view(bool)
        return is_clear


def _scan_properties(column: pa.Array, keys: Keys) -> _Found:
    data, offsets = _buffers(column)
    n = len(column)
    found = _Found(
        data=data,
        tickets=np.full(n, NO_TICKET, np.int64),
        ticket_at=np.zeros((n, 2), np.int32),
        team_at=np.zeros((n, 2), np.int32),
        small=np.zeros((n, 5), np.int8),
    )
    out = (found.tickets, found.ticket_at, found.team_at, found.small)
    wanted = (keys.names, keys.ends, keys.survey_id)
    # The scanner looks for the end of a text and for nothing else, and must find a quote before
    # the end of all: the last rows, behind which there is none, are read from a copy with one.
    last = _rows_before_last_quote(data, offsets)
    scan.scan(data, offsets[: last + 1], *wanted, *(each[:last] for each in out))
    rest = np.append(data[offsets[last] : offsets[n]], np.uint8(ord('"')))
    scan.scan(rest, offsets[last:] - offsets[last], *wanted, *(each[last:] for each in out))
    for places in (found.ticket_at, found.team_at):
        places[last:] += offsets[last]
    return found


def _rows_before_last_quote(data: Array, offsets: Array) -> int:
    """How many rows end before the last quote, as far as it is found near the end."""
    begin = max(0, int(offsets[-1]) - 65_536)
    quotes = np.flatnonzero(data[begin : offsets[-1]] == ord('"'))
    if not len(quotes):
        return 0
    return int(np.searchsorted(offsets[1:], begin + quotes[-1], side="right"))


def _gather(data: Array, at: Array) -> pa.Array:
    """The texts at these places as an array."""
    lengths = (at[:, 1] - at[:, 0]).astype(np.int64)
    offsets, texts = np.empty(len(at) + 1, np.int32), np.empty(lengths.sum(), np.uint8)
    scan.gather(data, at, offsets, texts)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(texts)]
    return pa.Array.from_buffers(pa.string(), len(at), buffers)


def _read_teams(found: _Found) -> pa.Array:
    encoded = _gather(found.data, found.team_at).dictionary_encode()
    slugs = pa.array([slugify_team(text) for text in encoded.dictionary.to_pylist()], pa.string())
    slugs = slugs.dictionary_encode()
    return pa.DictionaryArray.from_arrays(slugs.indices.take(encoded.indices), slugs.dictionary)


def _read_tickets(found: _Found) -> tuple[Array, pa.Array]:
    """Numbers, and words where a ticket has no number."""
    in_words = np.flatnonzero(found.tickets == scan.TICKET_IN_WORDS)
    if not len(in_words):
        return found.tickets, pa.nulls(len(found.tickets), pa.string())
    encoded = _gather(found.data, found.ticket_at).dictionary_encode()
    tickets = [split_ticket(read_ticket(text)) for text in encoded.dictionary.to_pylist()]
    of_row = encoded.indices.to_numpy()
    numbers = found.tickets.copy()
    numbers[in_words] = np.array([number for number, _ in tickets], np.int64)[of_row[in_words]]
    # Numbers stand there as an empty text, which is none.
    return numbers, pa.array([text for _, text in tickets], pa.string()).take(encoded.indices)


def _read_persons(column: pa.Array, tickets: Array) -> tuple[pa.Array, Array]:
    """Who answers, and for which rows that is clear."""
    has_name = _scan_texts(scan.find_visible, column)
    if has_name.all():
        return column, has_name
    stand_ins = pc.binary_join_element_wise(
        "ticket:", pc.if_else(pa.array(tickets >= 0), pa.array(tickets).cast(pa.string()), ""), ""
    )
    persons = pc.if_else(pa.array(has_name), column, stand_ins)
    return persons, has_name | (tickets != scan.TICKET_IN_WORDS)
