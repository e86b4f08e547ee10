"""Which comments a page shows, in which order, and how long they are: the least satisfied first."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from pipeline.metrics import row_name
from reports.language_names import LanguageName, name_language
from reports.rows import list_rows
from reports.shown_teams import REST
from survey.scale import LOW
from survey.vocabulary import Trust

# On a page these many of a team's comments stand open; a page that cannot lead to the others
# holds more of them, folded.
OPEN_PER_TEAM = 20
COMMENTS_PER_TEAM = 200

# What all teams are called that have no row in the report.
OTHERS = "Other teams"

# A comment of more lines than this is folded.
OPEN_LINES = 6
# Letters in a line, on a desktop and on a phone.
LETTERS_WIDE = 80
LETTERS_NARROW = 42


@dataclass(frozen=True)
class ShownComment:
    """A comment as the page shows it. `team` is its own, also among the teams that are not shown
    by themselves; `fold` is `always`, `phone` or None: where it is too long to stand open."""

    ticket_id: str
    team: str
    rating: int
    words: str
    answered_at: datetime
    is_verified: bool
    language: LanguageName | None
    fold: str | None


@dataclass(frozen=True)
class ShownComments:
    """A team's comments: the `number` of all, those that stand open, and those that are folded."""

    team: str
    name: str
    number: int
    open: tuple[ShownComment, ...]
    folded: tuple[ShownComment, ...]

    @property
    def shown(self) -> int:
        """How many are on the page."""
        return len(self.open) + len(self.folded)


def show_comments(
    comments: pd.DataFrame, names: Mapping[str, str], most: int
) -> tuple[ShownComments, ...]:
    """Return the comments of each team, teams by name, those without a name of their own last.

    `names` has the teams that are shown by themselves; of a team at most `most` comments are
    shown: ratings 1 and 2 first, then the others, each from the newest to the oldest.
    """
    if comments.empty:
        return ()
    group = comments["team"].map(row_name)
    group = group.where(group.isin([slug for slug in names if slug != REST]), REST)
    numbers = group.value_counts()
    ordered = comments.assign(group=group, is_low=comments["rating"].isin(LOW)).sort_values(
        ["is_low", "answered_at"], ascending=[False, False], kind="stable"
    )
    shown = ordered.groupby("group", sort=False).head(most)
    by_team: dict[str, list[ShownComment]] = {}
    for row in list_rows(shown):
        by_team.setdefault(row["group"], []).append(_show(row))
    groups = [
        ShownComments(
            team=team,
            name=names.get(team, OTHERS),
            number=int(numbers[team]),
            open=tuple(found[:OPEN_PER_TEAM]),
            folded=tuple(found[OPEN_PER_TEAM:]),
        )
        for team, found in by_team.items()
    ]
    return tuple(sorted(groups, key=_place))


def show_low_comments(comments: pd.DataFrame, most: int) -> tuple[tuple[ShownComment, ...], int]:
    """Return the newest comments with ratings 1 and 2, at most `most`, and how many there are."""
    low = comments[comments["rating"].isin(LOW)]
    newest = low.sort_values("answered_at", ascending=False, kind="stable").head(most)
    return tuple(_show(row) for row in list_rows(newest)), len(low)


def _place(group: ShownComments) -> tuple[bool, str, str]:
    return group.team == REST, group.name.casefold(), group.team


def _show(row: dict[str, Any]) -> ShownComment:
    return ShownComment(
        ticket_id=str(row["ticket_id"]),
        team=row["team"],
        rating=row["rating"],
        words=row["comment"],
        answered_at=row["answered_at"],
        is_verified=row["link_trust"] != Trust.UNVERIFIED,
        language=name_language(row["language"] or ""),
        fold=find_fold(row["comment"]),
    )


def find_fold(words: str) -> str | None:
    """Return where a comment has more than `OPEN_LINES` lines: `always`, on a `phone` alone, or
    None."""
    if _count_lines(words, LETTERS_WIDE) > OPEN_LINES:
        return "always"
    return "phone" if _count_lines(words, LETTERS_NARROW) > OPEN_LINES else None


def _count_lines(words: str, letters: int) -> int:
    """Return about how many lines a text takes where that many letters fit into one."""
    if len(words) <= letters and "\n" not in words:
        return 1
    return sum(max(1, -(-len(line) // letters)) for line in words.splitlines())
