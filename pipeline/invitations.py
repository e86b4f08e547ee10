"""Invitations: who was asked and who answered, as a report counts them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, NamedTuple

import pandas as pd

from pipeline.query import UNKNOWN_LANGUAGE, ReportQuery
from pipeline.schemas import INVITED, NOT_ASKED, SOLVED, frame_rows
from survey.languages import find_language


@dataclass(frozen=True)
class Invited:
    """How many invitations were sent, and how many of them have a response."""

    invitations: int
    answered: int

    @property
    def rate(self) -> Fraction | None:
        """Answered over all, exactly; None without invitations."""
        return Fraction(self.answered, self.invitations) if self.invitations else None

    def __add__(self, other: "Invited") -> "Invited":
        return Invited(self.invitations + other.invitations, self.answered + other.answered)


NOBODY = Invited(0, 0)

# Period → team → invited. A period is there if any invitation of it is known.
InvitedByTeam = Mapping[str, Mapping[str, Invited]]


class CountedInvitations(NamedTuple):
    """How many invitations have these values, and how many of them have a response."""

    team: str
    plan: str
    language: str | None
    invitations: int
    answered: int


@dataclass(frozen=True)
class InvitationCounts:
    """What a report needs of invitations.

    - `invited` (`schemas.INVITED`): of every period, those sent in it.
    - `not_asked` (`schemas.NOT_ASKED`): the tickets of the period asked for whose customers were
      not asked, with the reason.
    - `solved` (`schemas.SOLVED`): the tickets that were solved in it.
    """

    invited: pd.DataFrame
    not_asked: pd.DataFrame
    solved: pd.DataFrame


def frame_invitations(
    invited: Mapping[str, Iterable[CountedInvitations]],
    not_asked: Iterable[tuple[Any, ...]],
    solved: Iterable[tuple[Any, ...]],
) -> InvitationCounts:
    """Return counts as frames: `invited` by the name of the period, the others as
    `survey.store.invitations` has them."""
    return InvitationCounts(
        frame_rows(
            (
                {"month": period, **each._asdict(), "language": _name_tag(each.language)}
                for period, counted in invited.items()
                for each in counted
            ),
            INVITED,
        ),
        frame_rows(_rows(not_asked, NOT_ASKED.columns), NOT_ASKED),
        frame_rows(_rows(solved, SOLVED.columns), SOLVED),
    )


def filter_invitations(
    counted: InvitationCounts | None, query: ReportQuery
) -> InvitationCounts | None:
    """Return the counts that a query lets through; None where it has no meaning for them: nobody
    can be invited by rating, or by how far an answer is trusted."""
    if counted is None or query.ratings or query.trusts:
        return None
    return InvitationCounts(
        *(_filter(each, query) for each in (counted.invited, counted.not_asked, counted.solved))
    )


def sum_by_team(counted: InvitationCounts | None, query: ReportQuery) -> InvitedByTeam:
    """Return the invitations of each period by team, as the query filters them."""
    filtered = filter_invitations(counted, query)
    if counted is None or filtered is None:
        return {}
    found: dict[str, dict[str, Invited]] = {str(each): {} for each in counted.invited["month"]}
    columns = ["month", "team", "invitations", "answered"]
    for period, team, *numbers in filtered.invited[columns].itertuples(index=False, name=None):
        of_period = found[period]
        of_period[team] = of_period.get(team, NOBODY) + Invited(*map(int, numbers))
    return found


def _filter(frame: pd.DataFrame, query: ReportQuery) -> pd.DataFrame:
    lets_through = pd.Series(True, frame.index)
    if query.teams:
        lets_through &= frame["team"].isin(query.teams)
    if query.languages:
        lets_through &= frame["language"].isin(query.languages)
    return frame[lets_through].reset_index(drop=True)


def _rows(rows: Iterable[tuple[Any, ...]], columns: Iterable[str]) -> Iterable[dict[str, Any]]:
    names = list(columns)
    for row in rows:
        values = dict(zip(names, row, strict=True))
        yield {**values, "language": _name_tag(values["language"])}


def _name_tag(tag: str | None) -> str:
    """Return the tag of the survey's language that a customer with this one sees; of others, the
    tag itself."""
    language = find_language(tag)
    return language.tag if language else tag or UNKNOWN_LANGUAGE
