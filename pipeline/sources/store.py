"""The project's own store as a source."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from sqlalchemy import Connection

from pipeline.counts import (
    MonthCounts,
    Totals,
    count_month,
    count_responses,
    frame_comment_counts,
    frame_counts,
    frame_quality,
)
from pipeline.rules import decide, derive_responses
from pipeline.schemas import ANSWERS, RESPONSES, check
from pipeline.sources.source import OnProgress
from survey.counting_rules import CountingRules
from survey.months import Month
from survey.store import counting
from survey.store.database import Database
from survey.store.received import all_received, count_received
from survey.store.voids import void_tickets

_COMMENTED = ["ticket_id", "team", "rating", "comment", "answered_at", "link_trust"]
_TEXTS = dict.fromkeys(("ticket_id", "team", "comment", "link_trust"), "str")
_TYPES = {**_TEXTS, "rating": "Int64", "answered_at": "datetime64[us, UTC]"}


class StoreSource:
    """All that the store received: its answers, and the copies that an import brought.

    The database counts. Where its responses were derived by other rules than these, all answers are
    read and decided instead, which is slow and right. Each count sees one state of the store, and
    the tickets that are void in it, whichever the rules name.
    """

    description = "the survey site's database"
    is_store = True

    def __init__(self, database: Database, rules: CountingRules) -> None:
        self._database = database
        self._rules = rules

    def read_answers(self, on_progress: OnProgress) -> pd.DataFrame:
        """Every stored answer in the order of receipt, then the copies (`schemas.ANSWERS`)."""
        with self._database.reading() as connection:
            return self._read(connection, on_progress)

    def count_responses(self, on_progress: OnProgress) -> Totals:
        """How many answers there are, and the counts of every month."""
        with self._database.reading() as connection:
            try:
                counting.require_current_responses(connection, self._rules)
            except counting.ResponsesOutdated:
                decided = self._decide(connection, on_progress)
                responses = derive_responses(decided, self._rules.timezone)
                return Totals(len(decided), count_responses(responses))
            months = counting.months_with_responses(connection, self._rules.timezone)
            counts, _ = self._count(connection, list(months))
            return Totals(count_received(connection), counts)

    def count_month(self, month: Month, since: Month, on_progress: OnProgress) -> MonthCounts:
        """What the report of a month derives from."""
        with self._database.reading() as connection:
            try:
                return self._count_month(connection, month, since)
            except counting.ResponsesOutdated:
                decided = self._decide(connection, on_progress)
                return count_month(decided, month, since, self._rules.timezone)

    def _count_month(self, connection: Connection, month: Month, since: Month) -> MonthCounts:
        counting.require_current_responses(connection, self._rules)
        timezone = self._rules.timezone
        bounds = month.bounds(timezone)
        months = counting.months_with_responses(connection, timezone, since, month)
        counts, comment_counts = self._count(connection, list(months))
        return MonthCounts(
            counts=counts,
            comment_counts=comment_counts,
            commented=_frame_commented(counting.commented_responses(connection, *bounds), month),
            quality=frame_quality(counting.count_outcomes(connection, *bounds, self._rules)),
        )

    def _count(
        self, connection: Connection, months: Sequence[Month]
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        """`schemas.COUNTS` and `schemas.COMMENT_COUNTS` of these months."""
        ratings: list[tuple[Any, ...]] = []
        comments: list[tuple[Any, ...]] = []
        for month in months:
            bounds = month.bounds(self._rules.timezone)
            found = counting.count_ratings(connection, *bounds)
            ratings += [(str(month), *row) for row in found]
            found = counting.count_comments(connection, *bounds)
            comments += [(str(month), *row) for row in found]
        counts = pd.DataFrame(ratings, columns=["month", "team", "rating", "responses"])
        comment_counts = pd.DataFrame(comments, columns=["month", "team", "comments"])
        return frame_counts(counts), frame_comment_counts(comment_counts)

    def _decide(self, connection: Connection, on_progress: OnProgress) -> pd.DataFrame:
        """All that was received with what became of it (`schemas.DECIDED`)."""
        rules = self._rules.with_voids(void_tickets(connection))
        return decide(self._read(connection, on_progress), rules)

    def _read(self, connection: Connection, on_progress: OnProgress) -> pd.DataFrame:
        rows = []
        for row in all_received(connection, self._rules.survey_id):
            rows.append(row)
            if len(rows) % 10_000 == 0:
                on_progress(len(rows))
        on_progress(len(rows))
        frame = pd.DataFrame(rows, columns=list(ANSWERS.columns))
        flags = dict.fromkeys(("is_duplicate", "is_other_survey"), "bool")
        return frame.astype({"uuid": "str", "distinct_id": "str", **_TYPES, **flags})


def _frame_commented(rows: Sequence[tuple[Any, ...]], month: Month) -> pd.DataFrame:
    """Responses of one month that have a comment, as `schemas.RESPONSES`."""
    frame = pd.DataFrame(rows, columns=_COMMENTED).assign(month=str(month))
    return check(frame.astype({**_TYPES, "month": "str"}), RESPONSES)
