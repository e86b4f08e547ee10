"""From a Parquet file to answers in columns, without making a Python object per row.

DuckDB reads the file and takes the values out of the properties. What a value means is said in one
place, `survey/event_values.py`: it is asked once per distinct value, not once per row. SQL itself
reads only what has a value of its own in each row: tickets that are plain numbers, persons, and
whether there is a comment. Rows with anything out of the ordinary are left to be read one by one;
a property-based test holds the two equal.
"""

import glob
import os
import re
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.answers import SCHEMA, split_ticket
from pipeline.events import DEEPEST, Comment
from pipeline.partitions import Array
from pipeline.proofs import DIGITS, NO_PROOF, claim_trust, join_words
from pipeline.schemas import NO_TICKET
from survey.counting_rules import CountingRules
from survey.erasures import USER_KEY
from survey.event_values import (
    SURVEY_SENT,
    PropertyKeys,
    is_other_survey,
    read_comment,
    read_language,
    read_rating,
    read_team,
    read_text,
    read_ticket,
    read_trust,
)

_ROWS_AT_ONCE = 65_536
# What DuckDB may hold of a file: it reads in passing, and keeps nothing.
_MEMORY = "512MB"
# Everything that `str.strip` strips.
_BLANKS = "".join(chr(code) for code in range(0x3001) if chr(code).isspace())
# What a text may also be as a value of another type that means something else: lists, objects,
# true and false, and numbers that DuckDB writes in another way than Python. Such rows are read one
# by one.
_AMBIGUOUS = re.compile(
    r"\s*[\[{].*|-.*|nan|inf|infinity|true|false"
    r"|[0-9.]+e[-+0-9]+|[0-9]{16,}[0-9.]*|0\.0000[0-9]+",
    re.IGNORECASE | re.DOTALL,
)
# A language is one only as a text, so that it may not be written as any number is.
_MAYBE_NO_TEXT = re.compile(rf"{_AMBIGUOUS.pattern}|[0-9.+].*", _AMBIGUOUS.flags)
# Instants of the years 2 to 9998, in microseconds since 1970 (events.py refuses the others).
_EARLIEST = int(np.datetime64("0002-01-01", "us").astype(np.int64))
_LATEST = int(np.datetime64("9999-01-01", "us").astype(np.int64))
_UUID_LETTERS = 36
_HYPHENS = [8, 13, 18, 23]
# The value of each byte as a digit of a uuid or a proof, 255 for none.
_DIGITS = np.full(256, 255, np.uint8)
_DIGITS[list(b"0123456789abcdef")] = range(16)
# A proof without any of these could be a number.
_LETTERS_OF_NO_NUMBER = np.frombuffer(b"abcdf", np.uint8)


def _is_given(text: str) -> str:
    """SQL: whether a text is neither missing nor blank.

    Most begin with a character of which the first byte tells that it is no blank.
    """
    return (
        f"CASE WHEN {text} = '' THEN false WHEN {text} >= '!' AND {text} < '\x7f' "
        f"OR {text} >= '\u00a1' AND {text} < '\u1680' OR {text} >= '\u3001' THEN true "
        f"ELSE trim({text}, $blanks) <> '' END"
    )


def _is_shallow(text: str) -> str:
    """SQL: whether a JSON text has too few brackets to be nested more than `DEEPEST` deep."""
    # Each bracket closes, too: short texts need not be counted.
    return (
        f"(strlen({text}) <= {2 * DEEPEST} OR strlen({text}) "
        f"- strlen(replace(replace({text}, '[', ''), '{{', '')) <= {DEEPEST})"
    )


# Properties that are an object.
_IS_PLAIN = f"properties >= '{{' AND properties < '|' AND {_is_shallow('properties')}"

# Files are read as they are: no part of a folder's name is a column (`hive_partitioning`).
# `texts` has properties in the order of `PropertyKeys`, as text; NULL for null and where one
# is missing. No condition on it stands in a WHERE: all would be taken out of the properties twice.
_QUERY = f"""
WITH events AS (
  SELECT file_index, file_row_number, uuid::VARCHAR AS uuid,
    distinct_id::VARCHAR AS distinct_id, timestamp, properties,
    TRY(json_extract_string(properties, $paths)) AS texts
  FROM read_parquet($files, file_row_number = true, hive_partitioning = false)
  WHERE event = '{SURVEY_SENT}'
), answers AS (
  SELECT *, texts[1] AS survey_id, texts[2] AS ticket, texts[3] AS rating,
    texts[4] AS rating_by_index, texts[5] AS comment, texts[6] AS comment_by_index,
    texts[7] AS team, texts[8] AS older_team, texts[9] AS trust, texts[10] AS proof,
    TRY_CAST(texts[2] AS BIGINT) AS ticket_number
  FROM events
), tickets AS (
  SELECT *, coalesce(ticket_number BETWEEN 0 AND 999999999999999999
    AND ticket_number::VARCHAR = ticket, false) AS is_number
  FROM answers
)
SELECT file_index::INTEGER AS file, (file_row_number + 1)::INTEGER AS row, uuid,
  epoch_us(timestamp) AS answered_at,
  {_IS_PLAIN} AND texts IS NOT NULL
    AND NOT coalesce(contains(distinct_id, chr(0)), false) AS is_plain,
  CASE WHEN is_number THEN ticket_number ELSE {NO_TICKET} END AS ticket,
  CASE WHEN is_number THEN NULL ELSE ticket END AS ticket_text,
  CASE WHEN {_is_given("distinct_id")} THEN distinct_id END AS person, survey_id,
  CASE WHEN {_is_given("rating")} THEN rating ELSE rating_by_index END AS rating,
  CASE WHEN {_is_given("team")} THEN team ELSE older_team END AS team, trust, proof,
  CASE WHEN {_is_given("comment")} THEN true
    ELSE coalesce({_is_given("comment_by_index")}, false) END AS has_comment
FROM tickets
"""  # nosec B608 # of constants; what is looked for is handed over as parameters

# Joined by the bare column: DuckDB then passes over what lies between.
_WANTED_ROWS = """
FROM read_parquet($file, file_row_number = true, hive_partitioning = false)
SEMI JOIN wanted ON wanted.number = file_row_number
"""
_ROWS = f"""
SELECT file_row_number + 1 AS row, uuid, distinct_id, properties, timestamp
{_WANTED_ROWS}"""
_COMMENTS = f"""
WITH comments AS (
  SELECT file_row_number + 1 AS row, TRY(json_extract_string(properties, $paths)) AS texts,
    {_IS_PLAIN} AS is_plain
  {_WANTED_ROWS}
)
SELECT row, is_plain AND texts IS NOT NULL AS is_plain, texts[1] AS comment,
  texts[2] AS comment_by_index, texts[3] AS language, texts[4] AS user_id
FROM comments
"""  # nosec B608 # likewise

_local = threading.local()


@dataclass(frozen=True)
class Extract:
    """Some rows of one file: the answers (`answers.SCHEMA`) of those that are plain, and which
    are not, counted from 1."""

    file: int
    answers: pa.Table
    rest: list[int]


def extract_answers(
    addresses: Sequence[str], rules: CountingRules, filesystem: Any = None, threads: int = 1
) -> Iterator[Extract]:
    """Yield the `survey sent` events of Parquet files, some at a time, each with its index in
    `addresses`.

    The columns must be texts, `timestamp` one of times. `filesystem` is fsspec's, if the files are
    not on this machine. Raises duckdb.Error, the reason of which may be a single row.
    """
    # Without the language, which is the last of them, and decides over no count.
    keys = PropertyKeys.of(rules)[:-1]
    connection = _open(addresses, keys, filesystem, threads)
    parameters = {
        # DuckDB takes every name for a pattern.
        "files": [glob.escape(address) for address in addresses],
        "paths": _paths(keys),
        "blanks": _BLANKS,
    }
    for batch in connection.sql(_QUERY, params=parameters).to_arrow_reader(_ROWS_AT_ONCE):
        for part in _split_by_file(batch):
            answers, rest = _read_batch(part, rules)
            yield Extract(part.column("file")[0].as_py(), answers, rest.tolist())


def extract_comments(
    address: str, rows: Collection[int], rules: CountingRules, filesystem: Any = None
) -> dict[int, Comment]:
    """Return the comments in some rows of a Parquet file, counted from 1: of those that are plain.

    As `extract_answers` in all else.
    """
    of_all = PropertyKeys.of(rules)
    keys = (of_all.comment, of_all.comment_by_index, of_all.language, USER_KEY)
    connection = _open([address], keys, filesystem)
    found = _find_rows(connection, _COMMENTS, rows, file=address, paths=_paths(keys))
    texts = zip(*(column.to_pylist() for column in found.columns), strict=True)
    return {
        row: Comment(read_comment(by_id, by_index), read_language(language), read_text(user_id))
        for row, is_plain, by_id, by_index, language, user_id in texts
        if is_plain
        and not any(text and _AMBIGUOUS.fullmatch(text) for text in (by_id, by_index, user_id))
        and not (language and _MAYBE_NO_TEXT.fullmatch(language))
    }


def extract_rows(address: str, rows: Collection[int], filesystem: Any = None) -> pa.Table:
    """Return some rows of a Parquet file as they stand: `row` (counted from 1), `uuid`,
    `distinct_id`, `properties`, `timestamp`. As `extract_answers` in all else."""
    return _find_rows(_open([address], (), filesystem), _ROWS, rows, file=address)


def _find_rows(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    rows: Collection[int],
    *,
    file: str,
    **parameters: object,
) -> pa.Table:
    numbers = pa.array([row - 1 for row in sorted(rows)], pa.int64())
    connection.register("wanted", pa.table({"number": numbers}))
    try:
        # DuckDB takes every name for a pattern.
        given = {**parameters, "file": glob.escape(file)}
        return connection.sql(query, params=given).to_arrow_table()
    finally:
        connection.unregister("wanted")


def _open(
    addresses: Sequence[str], keys: Sequence[str], filesystem: Any, threads: int = 1
) -> duckdb.DuckDBPyConnection:
    """Return a DuckDB for these files; raises duckdb.Error for what it cannot read."""
    if any('"' in key or "\\" in key for key in keys):
        raise duckdb.NotSupportedError("a question's id cannot be written as a path")
    if any(not _is_text(address) for address in addresses):
        raise duckdb.NotSupportedError("the name of a file is no text")
    connection = _connect(threads)
    if filesystem is not None:
        connection.register_filesystem(filesystem)
    return connection


def _paths(keys: Sequence[str]) -> list[str]:
    return [f'$."{key}"' for key in keys]


def _is_text(address: str) -> bool:
    """Return whether a name has no bytes that are not UTF-8; Python writes them as half
    characters."""
    return not any("\ud800" <= letter <= "\udfff" for letter in address)


def _split_by_file(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """Yield the rows of each file; those of one file stand together."""
    file = batch.column("file").to_numpy()
    ends = [*np.flatnonzero(file[1:] != file[:-1]) + 1, len(file)]
    begin = 0
    for end in ends:
        if end > begin:
            yield batch.slice(begin, end - begin)
        begin = end


def _connect(threads: int) -> duckdb.DuckDBPyConnection:
    """Return a DuckDB of this thread's own: they would wait for each other in a common one."""
    if getattr(_local, "threads", None) != (threads, os.getpid()):
        _local.connection = duckdb.connect(
            config={
                "threads": threads,
                "memory_limit": _MEMORY,
                "preserve_insertion_order": False,
                "autoinstall_known_extensions": False,
            }
        )
        # Of files that are read together, some may hold times with a zone and some without one.
        _local.connection.execute("SET TimeZone = 'UTC'")
        _local.threads = (threads, os.getpid())
    connection: duckdb.DuckDBPyConnection = _local.connection
    return connection


def _read_batch(batch: pa.RecordBatch, rules: CountingRules) -> tuple[pa.Table, Array]:
    uuid_high, uuid_low, is_clear = _read_uuids(batch.column("uuid"))
    answered_at = batch.column("answered_at").fill_null(_LATEST).to_numpy()
    is_clear &= np.asarray(batch.column("is_plain").fill_null(False))
    is_clear &= (answered_at >= _EARLIEST) & (answered_at < _LATEST)

    def read(name: str, meaning: Callable[[str | None], Any]) -> _Distinct:
        return _Distinct.of(batch.column(name), meaning, is_clear)

    ticket, ticket_text = batch.column("ticket").to_numpy(), batch.column("ticket_text")
    if ticket_text.null_count < batch.num_rows:
        split = read("ticket_text", lambda text: split_ticket(read_ticket(text)))
        numbers = np.array([number for number, _ in split.values], np.int64)
        ticket = np.where(ticket == NO_TICKET, numbers[split.codes], ticket)
        ticket_text = pa.array([text for _, text in split.values], pa.string()).take(split.codes)
    rating = read("rating", lambda text: read_rating(text) or 0)
    trust = read("trust", lambda text: claim_trust(read_trust(text))).as_array(np.int8)
    proof = _read_proofs(batch.column("proof"), trust < 0, is_clear)
    is_other = read("survey_id", lambda text: is_other_survey(text, rules))
    columns = {
        "uuid_high": uuid_high,
        "uuid_low": uuid_low,
        "uuid_text": pa.nulls(batch.num_rows, SCHEMA.field("uuid_text").type),
        "answered_at": pa.array(answered_at).view(SCHEMA.field("answered_at").type),
        "ticket": ticket,
        "ticket_text": ticket_text.dictionary_encode(),
        "person": _read_persons(batch.column("person"), ticket, ticket_text),
        "team": read("team", read_team).as_dictionary(),
        "rating": rating.as_array(np.int8),
        "trust": trust,
        "proof": proof,
        "is_other_survey": is_other.as_array(np.bool_),
        "has_comment": batch.column("has_comment"),
        "row": batch.column("row"),
    }
    rest = batch.column("row").to_numpy()[~is_clear]
    # Also where all are clear: a copy, because DuckDB keeps a batch as long as any part is used.
    return pa.table(columns).filter(pa.array(is_clear)).cast(SCHEMA), rest


@dataclass(frozen=True)
class _Distinct:
    """A column of texts: the meaning of each text, and the text of each row."""

    values: list[Any]
    codes: Array

    @classmethod
    def of(cls, column: pa.Array, meaning: Callable[[str | None], Any], is_clear: Array) -> Self:
        """Ask for the meaning of each text once; rows with an ambiguous one are not clear."""
        encoded = column.dictionary_encode(null_encoding="encode")
        codes, texts = np.asarray(encoded.indices), encoded.dictionary.to_pylist()
        is_ambiguous = [bool(text and _AMBIGUOUS.fullmatch(text)) for text in texts]
        if any(is_ambiguous):
            is_clear &= ~np.array(is_ambiguous)[codes]
        return cls([meaning(text) for text in texts], codes)

    def as_array(self, kind: type) -> Array:
        """Return the meaning of each row."""
        return np.array(self.values, kind)[self.codes]

    def as_dictionary(self) -> pa.DictionaryArray:
        """Return the meaning of each row, as texts of which each is held once."""
        meanings = pa.array(self.values, pa.string()).dictionary_encode()
        return pa.DictionaryArray.from_arrays(
            meanings.indices.take(pa.array(self.codes)), meanings.dictionary
        )


def _read_persons(names: pa.Array, ticket: Array, ticket_text: pa.Array) -> pa.Array:
    """Return who answered; an answer without a name is known by its ticket."""
    is_missing = names.is_null()
    if not names.null_count:
        return names
    without = np.asarray(is_missing)
    numbers = pa.array(ticket[without], mask=ticket[without] == NO_TICKET).cast(pa.string())
    tickets = pc.coalesce(numbers, ticket_text.filter(is_missing), "")
    stand_ins = pc.binary_join_element_wise("ticket:", tickets, "")
    return pc.replace_with_mask(names, is_missing, stand_ins)


def _read_uuids(column: pa.Array) -> tuple[Array, Array, Array]:
    """Return the number of each uuid in two halves, and which are written as PostHog writes them.

    In capitals, or without hyphens, they would have another place in the order of texts.
    """
    letters, right_length = _read_letters(column, _UUID_LETTERS)
    hyphens = (letters[:, _HYPHENS] == ord("-")).all(axis=1)
    digits = _DIGITS[np.delete(letters, _HYPHENS, axis=1)]
    is_plain = right_length & hyphens & (digits < 16).all(axis=1)
    halves = _join_digits(digits)
    return halves[:, 0], halves[:, 1], is_plain


def _read_proofs(column: pa.Array, is_claim: Array, is_clear: Array) -> Array:
    """Return the proofs of claims, as `pipeline.proofs.read_proofs` does; a row with a proof that
    may be a number is not clear."""
    proofs = np.full(len(column), NO_PROOF, np.uint64)
    letters, right_length = _read_letters(column.filter(pa.array(is_claim)), DIGITS)
    digits = _DIGITS[letters]
    is_proof = right_length & (digits < 16).all(axis=1)
    proofs[is_claim] = np.where(is_proof, join_words(_join_digits(digits)), NO_PROOF)
    may_be_number = right_length & ~np.isin(letters, _LETTERS_OF_NO_NUMBER).any(axis=1)
    is_clear[np.flatnonzero(is_claim)[may_be_number]] = False
    return proofs


def _read_letters(column: pa.Array, length: int) -> tuple[Array, Array]:
    """Return the bytes of each text, and which of them have this length; the others are all 0."""
    has_length = pc.fill_null(pc.equal(pc.binary_length(column), length), False)
    texts = column.filter(has_length).cast(pa.binary()).cast(pa.binary(length))
    right_length = np.asarray(has_length)
    letters = np.zeros((len(column), length), np.uint8)
    letters[right_length] = np.frombuffer(
        texts.buffers()[1] or b"", np.uint8, len(texts) * length
    ).reshape(-1, length)
    return letters, right_length


def _join_digits(digits: Array) -> Array:
    """Return rows of digits as rows of numbers, one for 16 digits."""
    pairs = np.ascontiguousarray((digits[:, ::2] << 4) | (digits[:, 1::2] & 15))
    return pairs.view(">u8").astype(np.uint64)
