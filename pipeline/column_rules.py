"""The rules of counting on columns of numbers: every answer of every ticket at once.

`survey/rules.py` holds the same rules for one ticket; property-based tests keep them equal.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo

import numpy as np
import pyarrow as pa

from pipeline.parts import Array, map_parts, places
from survey.months import Month
from survey.store.vocabulary import Outcome

OUTCOMES = tuple(Outcome)
_CODE = {outcome: np.int8(place) for place, outcome in enumerate(OUTCOMES)}
_OPEN = np.int8(-1)
NO_TICKET = -1
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True)
class Columns:
    """One row per answer.

    The order of uuids is that of `uuid_high`, then `uuid_low`. Tickets are equal where `ticket`
    is; NO_TICKET is none. `answered_at` is in microseconds since 1970, `trust` a place in
    TRUST_ORDER, `rating` 0 for none.
    """

    uuid_high: Array
    uuid_low: Array
    answered_at: Array
    ticket: Array
    person: pa.Array | pa.ChunkedArray
    rating: Array
    trust: Array
    is_duplicate: Array
    is_other_survey: Array
    is_test: Array
    is_void: Array

    def __len__(self) -> int:
        return len(self.answered_at)


@dataclass(frozen=True)
class Decided:
    """What became of each answer, as a place in OUTCOMES, and the responses: the places of the
    first and of the latest answer of each."""

    outcome: Array
    first: Array
    latest: Array


def decide_columns(columns: Columns, edit_window: timedelta) -> Decided:
    """Apply rules 2 to 7 of docs/rules.md."""
    outcome = _reasons_not_valid(columns)
    valid = places(len(outcome))[outcome == _OPEN]
    parts = map_parts(
        columns.ticket[valid], valid, lambda rows: _decide_tickets(columns, rows, edit_window)
    )
    for rows, becomes, _, _ in parts:
        outcome[rows] = becomes
    return Decided(
        outcome,
        first=np.concatenate([first for _, _, first, _ in parts]),
        latest=np.concatenate([latest for _, _, _, latest in parts]),
    )


def _reasons_not_valid(columns: Columns) -> Array:
    """The first reason that applies to each answer by itself; open for valid answers."""
    # The last one that is set is the first that is tried.
    applies = {
        Outcome.VOID: columns.is_void,
        Outcome.TEST: columns.is_test,
        Outcome.INVALID_RATING: columns.rating == 0,
        Outcome.NO_TICKET: columns.ticket == NO_TICKET,
        Outcome.OTHER_SURVEY: columns.is_other_survey,
        Outcome.DUPLICATE: columns.is_duplicate,
    }
    outcome = np.full(len(columns), _OPEN)
    for reason, rows in applies.items():
        outcome[rows] = _CODE[reason]
    return outcome


def split_by_company(values: Array) -> tuple[Array, Array]:
    """The places of values that stand there once, and of all others."""
    order = np.argsort(values)
    ordered = values[order]
    is_like_next = ordered[1:] == ordered[:-1]
    has_company = np.zeros(len(values), bool)
    has_company[:-1] |= is_like_next
    has_company[1:] |= is_like_next
    return order[~has_company], order[has_company]


def _in_order(columns: Columns, rows: Array) -> Array:
    """Rows by ticket, then time, then uuid."""
    # Two quick sorts and uuids where times are equal: a fifth of the time of sorting by all three.
    by_time = np.argsort(columns.answered_at[rows])
    order = by_time[np.argsort(columns.ticket[rows][by_time], kind="stable")]
    ticket, answered_at = columns.ticket[rows[order]], columns.answered_at[rows[order]]
    if ((ticket[1:] == ticket[:-1]) & (answered_at[1:] == answered_at[:-1])).any():
        high, low = columns.uuid_high[rows], columns.uuid_low[rows]
        order = np.lexsort((low, high, columns.answered_at[rows], columns.ticket[rows]))
    return rows[order]


def _decide_tickets(
    columns: Columns, valid: Array, edit_window: timedelta
) -> tuple[Array, Array, Array, Array]:
    """For all valid answers of some tickets: their places in another order, what becomes of each,
    and the places of the first and of the latest answer of each response."""
    alone, several = split_by_company(columns.ticket[valid])
    alone, several = valid[alone], _in_order(columns, valid[several])
    becomes, first, latest = _decide_rivals(columns, several, edit_window)
    return (
        np.concatenate([several, alone]),
        np.concatenate([becomes, np.full(len(alone), _CODE[Outcome.RESPONSE])]),
        np.concatenate([several[first], alone]),
        np.concatenate([several[latest], alone]),
    )


def _decide_rivals(
    columns: Columns, rows: Array, edit_window: timedelta
) -> tuple[Array, Array, Array]:
    """For valid answers in order per ticket: what becomes of each, and which of them are the first
    and the latest of the responses."""
    if not len(rows):
        return np.empty(0, np.int8), rows, rows
    ticket, at = columns.ticket[rows], columns.answered_at[rows]
    trust = columns.trust[rows]
    person = encode(columns.person, rows)
    position, far = np.arange(len(rows)), len(rows)
    begins = np.flatnonzero(np.concatenate([[True], ticket[1:] != ticket[:-1]]))
    lengths = np.diff(np.append(begins, far))

    highest = np.repeat(np.maximum.reduceat(trust, begins), lengths)
    deciding = np.minimum.reduceat(np.where(trust == highest, position, far), begins)
    is_own = person == np.repeat(person[deciding], lengths)
    first = np.minimum.reduceat(np.where(is_own, position, far), begins)
    is_in_time = at - np.repeat(at[first], lengths) <= edit_window // _MICROSECOND
    latest = np.maximum.reduceat(np.where(is_own & is_in_time, position, -1), begins)

    becomes = np.full(len(rows), _CODE[Outcome.OTHER_PERSON])
    becomes[is_own] = _CODE[Outcome.LATE_CHANGE]
    becomes[is_own & is_in_time] = _CODE[Outcome.EDIT]
    becomes[first] = _CODE[Outcome.RESPONSE]
    return becomes, first, latest


def encode(column: pa.Array | pa.ChunkedArray, rows: Array) -> Array:
    """A number for each of these values; equal values have equal ones, missing ones -1."""
    chosen = column.take(pa.array(rows))
    if isinstance(chosen, pa.ChunkedArray):
        chosen = chosen.combine_chunks()
    return np.asarray(chosen.dictionary_encode().indices.fill_null(-1))


def months_of_instants(instants: Array, timezone: tzinfo) -> tuple[Array, list[str]]:
    """For each time (microseconds since 1970) the place of its month in the list given back."""
    if not len(instants):
        return np.empty(0, np.int64), []
    first, last = (
        Month.of(_to_datetime(int(end)), timezone) for end in (instants.min(), instants.max())
    )
    months = [first]
    while months[-1] < last:
        months.append(months[-1].shift(1))
    ends = [to_microseconds(month.closes_at(timezone)) for month in months[:-1]]
    return np.searchsorted(ends, instants, side="right"), [str(month) for month in months]


_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def _to_datetime(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)


def to_microseconds(instant: datetime) -> int:
    """An instant in microseconds since 1970."""
    return (instant - _EPOCH) // _MICROSECOND
