"""The columns of exported tables: what each holds, whatever the kind of file. This is the one place
that says it, so that a column without any value has its type, too."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from decimal import Decimal
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from reports.rows import list_values


class ColumnType(StrEnum):
    """What a column holds; any value may be missing."""

    TEXT = "text"
    COUNT = "count"
    # Per cent or percentage points, with 2 decimals.
    PERCENT = "percent"
    # A mean of ratings, with 3 decimals.
    MEAN = "mean"
    # An amount with the decimals that it was recorded with: a Decimal, or its text.
    MONEY = "money"
    # With 2 decimals.
    HOURS = "hours"
    # An instant: an aware time, or a text in ISO 8601.
    TIME = "time"
    # A day of the calendar: a date, or a text in ISO 8601.
    DAY = "day"


_PERCENT_ENDINGS = ("_pct", "_pp", "_low", "_high")
_NAMES = {
    ColumnType.TEXT: (
        *("month", "team", "change_significant", "ticket_id", "comment", "link_trust", "reason"),
        *("timezone", "currency", "charity", "status", "closed_by", "payment_reference"),
        "ledger_hash",
        "language",
        *("kind", "recorded_by", "original_month", "charity_reference", "rules"),
        *("tickets_digest", "previous_hash", "hash"),
        "plan",
    ),
    ColumnType.COUNT: (
        *("responses", "previous_responses", "satisfied", "comments", "invitations", "answers"),
        *("rating", "rating_1", "rating_2", "rating_3", "rating_4", "rating_5"),
        *("adjustments", "hedgehogs", "page_views", "replies", "met", "breached_open"),
        *("sequence", "corrected", "newest_answer"),
    ),
    ColumnType.MEAN: ("mean_rating",),
    ColumnType.MONEY: ("unit_amount", "amount"),
    ColumnType.HOURS: ("median_hours", "p90_hours"),
    ColumnType.TIME: ("answered_at", "opens_at", "closes_at", "closed_at", "recorded_at"),
    ColumnType.DAY: ("paid_at", "paid_on", "week_from", "week_to"),
}
_TYPES = {name: column_type for column_type, names in _NAMES.items() for name in names}


@dataclass(frozen=True)
class Column:
    """A column of a table, with Python's values, None where one is missing. A column of times, and
    no other, has the `timezone` in which they are told."""

    name: str
    type: ColumnType
    timezone: tzinfo | None
    values: list[Any]


def type_of(name: str) -> ColumnType:
    """Return what the column of this name holds. Raise KeyError for a name that no table has."""
    return ColumnType.PERCENT if name.endswith(_PERCENT_ENDINGS) else _TYPES[name]


def read_columns(frame: pd.DataFrame) -> list[Column]:
    """Return the columns of a table in their order. Raise KeyError for one that no table has."""
    return [_read_column(frame, str(name)) for name in frame.columns]


def _read_column(frame: pd.DataFrame, name: str) -> Column:
    column_type, values = type_of(name), list_values(frame[name])
    if column_type is ColumnType.TIME:
        timezone = _timezone_of(frame, name)
        times = [_read_time(value).astimezone(timezone) if value else None for value in values]
        return Column(name, column_type, timezone, times)
    if column_type is ColumnType.DAY:
        values = [_read_day(value) if value else None for value in values]
    if column_type is ColumnType.MONEY:
        values = [None if value is None else Decimal(value) for value in values]
    return Column(name, column_type, None, values)


def _timezone_of(frame: pd.DataFrame, name: str) -> tzinfo:
    """Return the time zone of a column of times: its own, the only one that rows name, or UTC."""
    dtype = frame[name].dtype
    if isinstance(dtype, pd.DatetimeTZDtype):
        return dtype.tz
    # An entry of the ledger that counts nothing names none.
    named = set(frame["timezone"].dropna()) if "timezone" in frame else set()
    return ZoneInfo(named.pop()) if len(named) == 1 else UTC


def _read_time(value: Any) -> datetime:
    if isinstance(value, pd.Timestamp):
        return value.to_pydatetime()
    return datetime.fromisoformat(value) if isinstance(value, str) else value


def _read_day(value: Any) -> date:
    return date.fromisoformat(value) if isinstance(value, str) else value
