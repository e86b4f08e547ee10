"""The rows of a frame as a page or a chart shows them."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from pipeline.metrics import ALL
from survey.teams import Team, display_team


def list_rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a frame by column name, everything missing as None."""
    records = frame.to_dict("records")
    return [{str(key): None if pd.isna(v) else v for key, v in row.items()} for row in records]


def name_team(slug: str, team_list: Sequence[Team]) -> str:
    """What a row's team is called in a report; `all` is every team together."""
    return "All teams" if slug == ALL else display_team(slug, team_list)


def count_responses(number: int) -> str:
    """A number of responses in words: `1 response`, `1,204 responses`."""
    return f"{number:,} response{'' if number == 1 else 's'}"
