"""The rows of a frame as a page or a chart shows them."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from pipeline.metrics import ALL
from survey.teams import Team, display_team


def list_rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a frame by column name, everything missing as None."""
    # Names and values by the column: taken one by one, out of Arrow's arrays, they are slow.
    names = [str(name) for name in frame.columns]
    columns = [list_values(frame[name]) for name in frame.columns]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def list_values(column: pd.Series) -> list[Any]:
    """Return the values of a column, everything missing as None."""
    values = zip(column.astype("object").tolist(), column.isna().tolist(), strict=True)
    return [None if is_missing else value for value, is_missing in values]


def name_team(slug: str, team_list: Sequence[Team]) -> str:
    """Return what a row's team is called in a report; `all` is every team together."""
    return "All teams" if slug == ALL else display_team(slug, team_list)


def count_responses(number: int) -> str:
    """Return a number of responses in words: `1 response`, `1,204 responses`."""
    return f"{number:,} response{'' if number == 1 else 's'}"
