"""Answers in columns: the one frame that all rules work on (`schemas.ANSWERS`).

A row takes some 80 bytes. It holds numbers in place of long texts, and the file and row where the
whole answer stands: a comment, or the copies of an event to compare, is looked up there.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from pipeline.partitions import SPREAD, Array, count_cores
from pipeline.schemas import NO_TICKET

_MOST_DIGITS = 18

# The columns that name an event, in the order of uuids. `uuid_text` has those that are not written
# as PostHog writes uuids; the others are numbers, in two halves.
UUID = ["uuid_high", "uuid_low", "uuid_text"]

# The answers of one file as Arrow holds them: while files are read, and in the cache. The columns
# mean what they mean in `schemas.ANSWERS`.
SCHEMA = pa.schema(
    {
        "uuid_high": pa.uint64(),
        "uuid_low": pa.uint64(),
        "uuid_text": pa.dictionary(pa.int32(), pa.string()),
        "answered_at": pa.timestamp("us", "UTC"),
        "ticket": pa.int64(),
        "ticket_text": pa.dictionary(pa.int32(), pa.string()),
        "person": pa.large_string(),
        "team": pa.dictionary(pa.int32(), pa.string()),
        "rating": pa.int8(),
        "trust": pa.int8(),
        "proof": pa.uint64(),
        "is_other_survey": pa.bool_(),
        "has_comment": pa.bool_(),
        "row": pa.int32(),
    }
)


def tabulate_answers(
    *,
    uuid: Sequence[str],
    ticket_id: Iterable[str | None],
    rating: Iterable[int | None],
    **columns: Iterable[Any],
) -> pa.Table:
    """Return answers as a table (`SCHEMA`), from a value of each for every answer.

    `columns` are those of `SCHEMA` that need no conversion.
    """
    numbers = [read_uuid(text) for text in uuid]
    tickets = [split_ticket(text) for text in ticket_id]
    converted: dict[str, Iterable[Any]] = {
        "uuid_high": [(number or 0) >> 64 for number in numbers],
        "uuid_low": [(number or 0) & 0xFFFF_FFFF_FFFF_FFFF for number in numbers],
        "uuid_text": [
            text if number is None else None for text, number in zip(uuid, numbers, strict=True)
        ],
        "ticket": [number for number, _ in tickets],
        "ticket_text": [text for _, text in tickets],
        "rating": [value or 0 for value in rating],
    }
    every = {**columns, **converted}
    return pa.table({name: every[name] for name in SCHEMA.names}, schema=SCHEMA)


def read_uuid(text: str) -> int | None:
    """Return the number of a uuid as PostHog writes it; None for any other text.

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
    """Return a ticket as a number, or else as a text: `42` gives `(42, None)`, `A-1` gives
    `(NO_TICKET, "A-1")`."""
    if text is None:
        return NO_TICKET, None
    is_number = text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
    if is_number and (text == "0" or text[0] != "0"):
        return int(text), None
    return NO_TICKET, text


def frame_answers(tables: list[pa.Table]) -> pd.DataFrame:
    """Return the answers of each file (`SCHEMA`) as one frame (`schemas.ANSWERS`); empties the
    list.

    A column of all tables is released as soon as the frame has it: ten million answers beside
    their tables would take twice the memory.
    """
    rows = [table.num_rows for table in tables]
    pieces = {
        name: [piece for table in tables for piece in table.column(name).chunks]
        for name in SCHEMA.names
    }
    tables.clear()

    def join(name: str) -> pd.Series:
        joined: pd.Series = _join(pieces.pop(name), SCHEMA.field(name).type).to_pandas()
        pa.default_memory_pool().release_unused()
        return joined

    with ThreadPoolExecutor(count_cores()) as pool:
        columns = dict(zip(SCHEMA.names, pool.map(join, SCHEMA.names), strict=True))
    file = np.repeat(np.arange(len(rows), dtype=np.int32), rows)
    return number_texts(pd.DataFrame({**columns, "file": file}, copy=False))


def _join(pieces: list[pa.Array], kind: pa.DataType) -> pa.Array:
    """Return the pieces of a column as one array, which pandas takes over without a copy."""
    if pa.types.is_dictionary(kind):
        pieces = pa.chunked_array(pieces, kind).unify_dictionaries().chunks
    return pa.concat_arrays(pieces) if pieces else pa.array([], kind)


def number_texts(answers: pd.DataFrame) -> pd.DataFrame:
    """Return the same answers with each team, and each odd ticket and uuid, held once, as a
    category.

    `ticket` is then equal where the tickets are, also those that are texts: their numbers are
    below NO_TICKET, and hold in this frame and in parts of it.
    """
    answers = answers.astype(dict.fromkeys(("team", "uuid_text", "ticket_text"), "category"))
    codes = answers["ticket_text"].cat.codes.astype("int64")
    ticket = answers["ticket"].where(codes < 0, NO_TICKET - 1 - codes)
    return answers.assign(ticket=ticket)


def ticket_ids(answers: pd.DataFrame) -> pd.Series:
    """Return the ticket of each answer as text; missing where there is none."""
    numbers = answers["ticket"].astype("str").where(answers["ticket"] > NO_TICKET)
    ids: pd.Series = answers["ticket_text"].astype("str").fillna(numbers)
    return ids


def uuid_texts(answers: pd.DataFrame) -> pd.Series:
    """Return the uuid of each answer as text."""
    texts = [
        text if isinstance(text, str) else _format_uuid(int(high) << 64 | int(low))
        for high, low, text in answers[UUID].itertuples(index=False, name=None)
    ]
    return pd.Series(texts, answers.index, dtype="str")


def _format_uuid(number: int) -> str:
    digits = f"{number:032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def sort_by_ticket(answers: pd.DataFrame) -> pd.DataFrame:
    """Return answers by ticket, those of a ticket by time, those of one time by uuid as text."""
    ordered = answers.sort_values("answered_at").sort_values("ticket", kind="stable")
    # Few have the same time, and to sort all by uuid, too, would take three times as long.
    ticket, time = ordered["ticket"].to_numpy(), ordered["answered_at"].astype("int64").to_numpy()
    is_like_next = (ticket[:-1] == ticket[1:]) & (time[:-1] == time[1:])
    is_tied = np.append(is_like_next, False) | np.append(False, is_like_next)
    if not is_tied.any():
        return ordered
    labels = ordered.index.to_numpy().copy()
    tied = ordered.loc[is_tied, ["ticket", "answered_at", *UUID]]
    if tied["uuid_text"].isna().all():
        tied = tied.sort_values(["ticket", "answered_at", "uuid_high", "uuid_low"])
    else:
        tied = tied.assign(uuid=uuid_texts(tied)).sort_values(["ticket", "answered_at", "uuid"])
    labels[is_tied] = tied.index
    return ordered.loc[labels]


def ticket_keys(answers: pd.DataFrame) -> Array:
    """Return a number for each answer's ticket, by which answers to one ticket are brought
    together; an answer without a ticket has that of its uuid.

    Two tickets that share a number by chance are brought together, too, which changes nothing.
    """
    has_ticket = answers["ticket"].to_numpy() > NO_TICKET
    numbers = answers["ticket"].to_numpy().astype(np.uint64) * SPREAD
    keys = numbers if has_ticket.all() else np.where(has_ticket, numbers, uuid_keys(answers))
    return _hash_texts(keys, answers["ticket_text"])


def uuid_keys(answers: pd.DataFrame) -> Array:
    """Return a number for each answer's uuid, by which copies of one event are brought together."""
    keys = answers["uuid_high"].to_numpy() * SPREAD + answers["uuid_low"].to_numpy()
    return _hash_texts(keys, answers["uuid_text"])


def _hash_texts(keys: Array, texts: pd.Series) -> Array:
    """Return the keys, with the hash of the text in place of those that have one."""
    has_text = texts.notna().to_numpy()
    if has_text.any():
        keys[has_text] = pd.util.hash_array(texts[has_text].to_numpy(object), categorize=False)
    return keys
