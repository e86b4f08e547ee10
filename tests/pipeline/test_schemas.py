"""Checked frames: what does not hold is named, with its rows."""

import pandas as pd
import pytest

from pipeline.schemas import COUNTS, QUALITY, CheckFailed, check

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
