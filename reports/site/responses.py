"""The responses behind a number: `/reports/2026-10/responses`, with filters, search and pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipeline.query import UNKNOWN_LANGUAGE, ReportQuery
from pipeline.report import ReportNumbers
from pipeline.schemas import COMMENTS
from pipeline.words import holds_phrase
from survey.settings import Settings
from survey.store import counting
from survey.store.database import Database

PER_PAGE = 50
# Nobody turns more pages by hand; a filter finds sooner what one looks for.
LAST_PAGE = 2_000
LONGEST_SEARCH = 200


@dataclass(frozen=True)
class Search:
    """What is looked for among the responses of a query: any, those with a comment, or those whose
    comment holds a text or a phrase."""

    query: ReportQuery
    commented_only: bool = False
    text: str = ""
    phrase: str = ""

    def parameters(self) -> dict[str, str]:
        """Return the search as parameters of an address, in one order."""
        found = self.query.parameters()
        if self.text:
            found["q"] = self.text
        if self.phrase:
            found["phrase"] = self.phrase
        if self.commented_only:
            found["commented"] = "1"
        return found

    @property
    def is_in_comments(self) -> bool:
        """Whether comments have to be read to find the responses."""
        return bool(self.text or self.phrase)


@dataclass(frozen=True)
class Found:
    """One page of what was found, as rows of `schemas.COMMENTS`, of which some have no comment; and
    how many there are in all."""

    rows: pd.DataFrame
    total: int


def find_responses(
    search: Search, numbers: ReportNumbers, database: Database, settings: Settings, page: int
) -> Found:
    """Return a page of the responses, the lowest ratings first, of equal ones the newest.

    `numbers` are those of the same query; raises StoreError.
    """
    if search.is_in_comments:
        frame = _search_comments(search, numbers.comments)
        begin = (page - 1) * PER_PAGE
        return Found(frame.iloc[begin : begin + PER_PAGE], len(frame))
    total = numbers.teams.iloc[-1]["comments" if search.commented_only else "responses"]
    rows = _select(search, database, settings, (page - 1) * PER_PAGE, PER_PAGE)
    return Found(rows, int(total))


def list_responses(
    search: Search, numbers: ReportNumbers, database: Database, settings: Settings
) -> pd.DataFrame:
    """Return all that `find_responses` finds, without pages, for a file."""
    if search.is_in_comments:
        return _search_comments(search, numbers.comments)
    total = int(numbers.teams.iloc[-1]["responses"])
    return _select(search, database, settings, 0, total)


def _search_comments(search: Search, comments: pd.DataFrame) -> pd.DataFrame:
    wanted = search.text.casefold()
    is_found = [
        wanted in comment.casefold()
        and (not search.phrase or holds_phrase(comment, search.phrase, language))
        for comment, language in zip(comments["comment"], comments["language"], strict=True)
    ]
    # Of no comments there is a list without a truth value, which pandas takes for names of columns.
    return comments[pd.Series(is_found, comments.index, "bool")].sort_values(
        ["rating", "answered_at", "ticket_id"], ascending=[True, False, True], kind="stable"
    )


def _select(
    search: Search, database: Database, settings: Settings, offset: int, limit: int
) -> pd.DataFrame:
    query = search.query
    wanted = counting.ResponseFilter(
        teams=query.teams,
        ratings=query.ratings,
        trusts=[str(trust) for trust in query.trusts],
        languages=[None if each == UNKNOWN_LANGUAGE else each for each in query.languages],
        commented_only=search.commented_only,
    )
    bounds = query.period.bounds(settings.timezone)
    with database.reading() as connection:
        rows = counting.select_responses(connection, *bounds, wanted, offset, limit)
    return _frame(rows, settings)


def _frame(rows: Sequence[tuple[Any, ...]], settings: Settings) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=list(COMMENTS.columns), dtype="object")
    answered_at = pd.to_datetime(frame["answered_at"], utc=True).dt.tz_convert(settings.timezone)
    return frame.assign(answered_at=answered_at, comment=frame["comment"].fillna(""))
