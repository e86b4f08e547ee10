"""Marks: releases and incidents, each with its day and a few words, that trends show."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select

from survey import words
from survey.errors import CsatError
from survey.periods import EARLIEST, LATEST
from survey.store.models import MarkRow

# In characters: a chart has no room for more.
LONGEST_WORDS = 80

_DAY_TEXT = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_COLUMNS = (MarkRow.id, MarkRow.day, MarkRow.words, MarkRow.created_by)


class NoSuchMark(CsatError):
    """The error that no mark has this id."""


@dataclass(frozen=True)
class Mark:
    """A release or an incident: its day, a few words, and who added it."""

    id: int
    day: date
    words: str
    created_by: str


def parse_day(text: str) -> date:
    """Return the day written `2026-10-14`, of years that a report can be about. Raise ValueError
    for anything else."""
    try:
        # Python also reads other forms of ISO 8601, such as those of weeks.
        day = date.fromisoformat(text) if _DAY_TEXT.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None:
        raise ValueError(f"{text!r} is not a day; write it as YYYY-MM-DD, for example 2026-10-14")
    if not EARLIEST <= day <= LATEST:
        raise ValueError(f"{day} is not a day that a report can be about")
    return day


def parse_words(text: str) -> str:
    """Return the words of a mark without blanks at the ends. Raise ValueError for no words, for too
    many, and for characters that cannot be printed."""
    return words.parse_words(text, LONGEST_WORDS)


def add_mark(connection: Connection, day: date, words: str, created_by: str, now: datetime) -> int:
    """Add a mark; return its id. The words are as `parse_words` returns them."""
    values = {"day": str(day), "words": words, "created_by": created_by, "created_at": now}
    return connection.execute(insert(MarkRow).returning(MarkRow.id), values).scalar_one()


def list_marks(connection: Connection, first: date = EARLIEST, last: date = LATEST) -> list[Mark]:
    """Return the marks of the days from `first` to `last`, both included, by day, and those of one
    day in the order in which they were added."""
    in_order = select(*_COLUMNS).order_by(MarkRow.day, MarkRow.id)
    rows = connection.execute(in_order.where(MarkRow.day.between(str(first), str(last))))
    return [_read_mark(row) for row in rows]


def remove_mark(connection: Connection, mark_id: int) -> Mark:
    """Remove a mark; return what it was. Raise NoSuchMark if there is none with this id."""
    removed = delete(MarkRow).where(MarkRow.id == mark_id).returning(*_COLUMNS)
    row = connection.execute(removed).first()
    if row is None:
        raise NoSuchMark(f"no mark has the id {mark_id}")
    return _read_mark(row)


def _read_mark(row: Row[*tuple[Any, ...]]) -> Mark:
    return Mark(row.id, date.fromisoformat(row.day), row.words, row.created_by)
