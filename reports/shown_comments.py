"""Which comments a page shows: of a team with very many, those of the least satisfied."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from pipeline.metrics import row_name
from reports.rows import list_rows
from reports.shown_teams import REST

COMMENTS_PER_TEAM = 200


def show_comments(comments: pd.DataFrame, teams: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return comments by team as `show_teams` has them, teams by name, the rest of the teams last:
    each with the team's `name`, the `number` of its comments, and those that are `shown`, in the
    order of `comments`.

    Of a team with more than `COMMENTS_PER_TEAM` the lowest ratings are shown, of equal ones the
    newest.
    """
    names = {row["team"]: row["name"] for row in teams}
    group = comments["team"].map(row_name)
    group = group.where(group.isin(list(names)), REST)
    numbers = group.value_counts()
    urgent = comments.assign(group=group).sort_values(
        ["rating", "answered_at"], ascending=[True, False], kind="stable"
    )
    shown = urgent.groupby("group").head(COMMENTS_PER_TEAM).sort_index()
    found = [
        {
            "team": team,
            "name": names[team],
            "number": int(numbers[team]),
            "shown": [
                row | {"answered_at": pd.Timestamp(row["answered_at"]).to_pydatetime()}
                for row in list_rows(rows)
            ],
        }
        for team, rows in shown.groupby("group")
    ]
    return sorted(found, key=_place)


def _place(group: dict[str, Any]) -> tuple[bool, str, str]:
    return group["team"] == REST, group["name"].casefold(), group["team"]
