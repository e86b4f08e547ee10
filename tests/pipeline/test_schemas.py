"""Checked frames: what does not hold is named, with its rows."""

from decimal import Decimal

import pandas as pd
import pytest

from pipeline.schemas import COUNTS, DRIVERS, QUALITY, CheckFailed, check, frame_rows

GOOD = {"month": ["2026-10"], "team": ["surveys"], "rating": [5], "responses": [3]}


def counts(**changes):
    frame = pd.DataFrame({**GOOD, **changes})
    return frame.astype({"month": "str", "team": "str"})


def test_a_frame_as_promised_passes():
    assert check(counts(), COUNTS).equals(counts())


@pytest.mark.parametrize(
    ("changes", "column"),
    [
        ({"rating": [6]}, "rating"),
        ({"responses": [0]}, "responses"),
        ({"month": ["2026-13"]}, "month"),
        ({"team": [""]}, "team"),
    ],
)
def test_a_wrong_value_is_named_with_its_row(changes, column):
    with pytest.raises(CheckFailed, match=f"counts: 1 values .* {column}, row 0"):
        check(counts(**changes), COUNTS)


def test_a_missing_column_is_named():
    with pytest.raises(CheckFailed, match="rating"):
        check(counts().drop(columns="rating"), COUNTS)


def test_quality_whose_sums_do_not_tie_is_refused():
    frame = pd.DataFrame({"reason": ["received", "response", "edit"], "answers": [5, 3, 1]})
    with pytest.raises(CheckFailed, match="received is the sum of the others"):
        check(frame.astype({"reason": "str"}), QUALITY)


def drivers(mix="1.00", total="3.00", all_mix="1.00"):
    """A team and `all`, both with 2.00 within."""
    rows = [("surveys", mix, total), ("all", all_mix, "3.00")]
    known = {"month": "2026-10", "previous_responses": 5, "responses": 6}
    unknown = {"previous_csat_pct": None, "csat_pct": None}
    return [
        *(
            known
            | unknown
            | {
                "team": team,
                "mix_pp": Decimal(mix_pp),
                "within_pp": Decimal("2.00"),
                "total_pp": Decimal(total_pp),
            }
            for team, mix_pp, total_pp in rows
        )
    ]


def test_rows_become_a_frame_of_the_types_promised():
    frame = frame_rows(drivers(), DRIVERS)
    assert [str(frame[name].dtype) for name in ("team", "responses", "mix_pp")] == [
        *("str", "int64", "object")
    ]
    assert frame["csat_pct"].iloc[0] is None
    assert list(frame_rows([], DRIVERS).columns) == list(frame.columns)


def test_drivers_that_do_not_add_up_are_refused():
    with pytest.raises(CheckFailed, match="the total is mix and within"):
        frame_rows(drivers(total="3.01"), DRIVERS)
    with pytest.raises(CheckFailed, match="the last row is the sum of the others"):
        frame_rows(drivers(mix="0.99", total="2.99"), DRIVERS)
