"""What the columns of exported tables hold."""

from datetime import UTC, date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from pipeline import schemas
from pipeline.donations import lines
from pipeline.metrics import TEAM_COLUMNS
from reports.columns import ColumnType, read_columns, type_of

# The contract of drivers.csv.
DRIVERS = (
    *("month", "team", "previous_responses", "responses", "previous_csat_pct", "csat_pct"),
    *("mix_pp", "within_pp", "total_pp"),
)
LONDON = ZoneInfo("Europe/London")


@pytest.mark.parametrize(
    "columns",
    [
        TEAM_COLUMNS,
        DRIVERS,
        lines.COLUMNS,
        lines.ENTRY_COLUMNS,
        tuple(schemas.COUNTS.columns),
        tuple(schemas.QUALITY.columns),
        tuple(schemas.COMMENTS.columns)[:-1],
        tuple(schemas.TARGETS.columns),
    ],
    ids=[
        *("teams and trend", "drivers", "donations", "entries", "counts", "quality", "comments"),
        "targets",
    ],
)
def test_every_column_of_every_table_has_a_type(columns):
    assert all(type_of(name) for name in columns)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("team", ColumnType.TEXT),
        ("month", ColumnType.TEXT),
        ("rating", ColumnType.COUNT),
        ("csat_pct", ColumnType.PERCENT),
        ("csat_low", ColumnType.PERCENT),
        ("change_pp", ColumnType.PERCENT),
        ("mean_rating", ColumnType.MEAN),
        ("amount", ColumnType.MONEY),
        ("recorded_at", ColumnType.TIME),
        ("corrected", ColumnType.COUNT),
        ("p90_hours", ColumnType.HOURS),
        ("answered_at", ColumnType.TIME),
        ("paid_at", ColumnType.DAY),
    ],
)
def test_a_name_says_what_stands_in_the_column(name, expected):
    assert type_of(name) is expected


def test_a_column_that_no_table_has_is_an_error():
    with pytest.raises(KeyError, match="surprise"):
        read_columns(pd.DataFrame({"surprise": [1]}))


def test_times_are_told_in_the_zone_of_their_column():
    at = datetime(2026, 10, 14, 11, 0, tzinfo=UTC)
    frame = pd.DataFrame({"answered_at": pd.Series([at, None]).dt.tz_convert(LONDON)})
    (column,) = read_columns(frame)
    assert [str(value) for value in column.values] == ["2026-10-14 12:00:00+01:00", "None"]
    assert str(column.timezone) == "Europe/London"


def test_times_and_days_written_as_text_are_times_and_days():
    frame = pd.DataFrame(
        {
            "timezone": ["Europe/London", "Europe/London"],
            "opens_at": ["2026-10-01T00:00:00+01:00", None],
            "paid_at": ["2026-11-03", ""],
        },
        dtype="object",
    )
    _, opens_at, paid_at = read_columns(frame)
    assert opens_at.values == [datetime(2026, 9, 30, 23, tzinfo=UTC), None]
    assert opens_at.values[0].hour == 0
    assert str(opens_at.timezone) == "Europe/London"
    assert paid_at.values == [date(2026, 11, 3), None]


def test_money_written_as_text_keeps_its_decimals():
    frame = pd.DataFrame({"amount": ["0.50", None, "275"]}, dtype="object")
    assert read_columns(frame)[0].values == [Decimal("0.50"), None, Decimal("275")]


def test_a_row_without_a_time_zone_leaves_it_to_the_others():
    frame = pd.DataFrame(
        {"timezone": [None, "Europe/London"], "recorded_at": ["2026-10-01T00:00:00+01:00"] * 2},
        dtype="object",
    )
    assert str(read_columns(frame)[1].timezone) == "Europe/London"


@pytest.mark.parametrize("zones", [[], ["Europe/London", "Pacific/Auckland"]])
def test_without_one_zone_times_are_told_in_utc(zones):
    times = ["2026-10-01T00:00:00+01:00" for _ in zones]
    frame = pd.DataFrame({"timezone": zones, "opens_at": times}, dtype="object")
    assert str(read_columns(frame)[1].timezone) == "UTC"
