"""Which teams a page shows by themselves: those of the list, and the largest others.

Anybody can make up a team in a link, and thousands of them would be no report any more.
"""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from pipeline.metrics import ALL, pool_rows, row_name
from reports.rows import list_rows, name_team
from survey.teams import Team

# Teams besides those of the list.
OTHER_TEAMS = 50
# Where a team's slug stands, in the row of all teams that are not shown by themselves: no slug.
REST = "*"


def show_teams(teams: pd.DataFrame, team_list: Sequence[Team]) -> list[dict[str, Any]]:
    """Return the rows of `teams` that are shown, each with the team's `name`; then, where more
    teams have responses than are shown, one row for these, from pooled counts; then `all`."""
    rows = list_rows(teams)
    listed = {row_name(team.slug) for team in team_list} | {ALL}
    others = [row for row in rows if row["team"] not in listed]
    others.sort(key=lambda row: (-row["responses"], row["team"]))
    hidden = {row["team"] for row in others[OTHER_TEAMS:]}
    shown = [
        row | {"name": name_team(row["team"], team_list)}
        for row in rows
        if row["team"] not in hidden
    ]
    if hidden:
        pooled = pool_rows([row for row in rows if row["team"] in hidden])
        shown.insert(-1, pooled | {"team": REST, "name": _count_more(len(hidden))})
    return shown


def _count_more(number: int) -> str:
    return f"{number:,} more team{'' if number == 1 else 's'}"
