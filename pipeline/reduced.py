"""What the rules need of an answer and no more, in columns: small enough for every answer there is.

A frame of `schemas.ANSWERS` holds texts, 300 bytes a row and more; here a row has some 60, and the
rules run on numbers.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from survey.store.vocabulary import TRUST_ORDER

NO_TICKET = -1
_OFTEN_EMPTY = frozenset(("odd_uuid", "ticket_text"))
_MOST_DIGITS = 18

# One row per answer. The uuid is a number in two halves; `odd_uuid` has the text of one that is
# not written as uuids are. `ticket` is a number for a ticket that is written as one, otherwise
# NO_TICKET, and `ticket_text` has the words, if any. `rating` is 0 for none, `trust` a place in
# TRUST_ORDER, `answered_at` microseconds since 1970, `row` the row or line in the file.
SCHEMA = pa.schema(
    {
        "uuid_high": pa.uint64(),
        "uuid_low": pa.uint64(),
        "odd_uuid": pa.string(),
        "answered_at": pa.int64(),
        "ticket": pa.int64(),
        "ticket_text": pa.string(),
        "person": pa.string(),
        "team": pa.dictionary(pa.int32(), pa.string()),
        "rating": pa.int8(),
        "trust": pa.int8(),
        "is_other_survey": pa.bool_(),
        "has_comment": pa.bool_(),
        "row": pa.int32(),
    }
)


def reduce_answers(answers: pd.DataFrame, rows: Iterable[int]) -> pa.Table:
    """Cleaned answers (`schemas.ANSWERS`) as reduced ones; `rows` says where they stand."""
    uuids = [read_uuid(text) for text in answers["uuid"]]
    is_odd = [number is None for number in uuids]
    tickets = [split_ticket(None if pd.isna(text) else text) for text in answers["ticket_id"]]
    ranks = {trust.value: rank for rank, trust in enumerate(TRUST_ORDER)}
    columns: dict[str, Any] = {
        "uuid_high": [(number or 0) >> 64 for number in uuids],
        "uuid_low": [(number or 0) & 0xFFFF_FFFF_FFFF_FFFF for number in uuids],
        "odd_uuid": [
            text if odd else None for text, odd in zip(answers["uuid"], is_odd, strict=True)
        ],
        "answered_at": answers["answered_at"].astype("int64"),
        "ticket": [number for number, _ in tickets],
        "ticket_text": [text for _, text in tickets],
        "person": answers["distinct_id"],
        "rating": answers["rating"].fillna(0).astype("int8"),
        "trust": answers["link_trust"].map(ranks).astype("int8"),
        "is_other_survey": answers["is_other_survey"],
        "has_comment": answers["comment"].notna(),
        "row": list(rows),
    }
    arrays = {
        name: pa.array(column, SCHEMA.field(name).type, from_pandas=True)
        for name, column in columns.items()
    }
    team = pa.array(answers["team"], pa.string(), from_pandas=True).dictionary_encode()
    return pa.table({**arrays, "team": team}).select(SCHEMA.names).cast(SCHEMA)


def read_uuid(text: str) -> int | None:
    """The number of a uuid as PostHog writes it; None for any other text.

    Uuids that are written alike stand in the order of their numbers.
    """
    if len(text) != 36 or not text.isascii() or text != text.lower():
        return None
    parts = text.split("-")
    digits = "".join(parts)
    is_plain = [len(part) for part in parts] == [8, 4, 4, 4, 12] and digits.isalnum()
    try:
        return int(digits, 16) if is_plain else None
    except ValueError:
        return None


def split_ticket(text: str | None) -> tuple[int, str | None]:
    """A ticket as number and text, of which one says it: `42` → 42, None."""
    if text is None:
        return NO_TICKET, None
    is_number = text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
    if is_number and (text == "0" or text[0] != "0"):
        return int(text), None
    return NO_TICKET, text


def chain(tables: Iterable[pa.Table]) -> pa.Table:
    """Reduced answers one behind the other, in the pieces that there are."""
    return pa.concat_tables([SCHEMA.empty_table(), *tables])


def join(tables: list[pa.Table]) -> pa.Table:
    """Reduced answers one behind the other, each column in one piece; empties the list.

    A column of all tables is let go of as soon as it is joined: ten million answers beside their
    pieces would be twice as much. One without any value takes no memory: its type is null.
    """
    columns = {}
    # Those that shrink come first, and make room for the others.
    for name in sorted(SCHEMA.names, key=_OFTEN_EMPTY.__contains__, reverse=True):
        columns[name] = _in_one_piece(
            [chunk for table in tables for chunk in table.column(name).chunks],
            SCHEMA.field(name).type,
        )
        tables[:] = [table.drop_columns(name) for table in tables]
        pa.default_memory_pool().release_unused()
    tables.clear()
    return pa.table({name: columns[name] for name in SCHEMA.names})


def _in_one_piece(pieces: list[pa.Array], kind: pa.DataType) -> pa.Array:
    rows = sum(len(piece) for piece in pieces)
    if rows and sum(piece.null_count for piece in pieces) == rows:
        return pa.nulls(rows)
    pieces = [piece.cast(kind) if piece.type != kind else piece for piece in pieces]
    if pa.types.is_dictionary(kind):
        pieces = pa.chunked_array(pieces, kind).unify_dictionaries().chunks
    return pa.concat_arrays(pieces) if pieces else pa.array([], kind)


def numbers(table: pa.Table, name: str) -> npt.NDArray[Any]:
    """A column without missing values as numpy has it; numbers in one piece are not copied."""
    column = table.column(name)
    return np.asarray(column.chunk(0) if column.num_chunks == 1 else column)
