"""The project's own store as a source."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from sqlalchemy import Connection

from pipeline.aggregate import count_answers, count_month
from pipeline.answers import frame_answers, tabulate_answers
from pipeline.counts import (
    MonthCounts,
    Totals,
    frame_comment_counts,
    frame_comments,
    frame_counts,
    frame_quality,
)
from pipeline.events import Comment, RawEvent
from pipeline.schemas import COMMENTS, DEDUPLICATED, check
from pipeline.sources.base import OnProgress, Received
from survey.counting_rules import CountingRules
from survey.months import Month
from survey.store import counting
from survey.store.database import Database
from survey.store.received import ReceivedAnswer, all_received, count_received
from survey.store.voids import void_tickets


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

    def read_answers(self, on_progress: OnProgress, comments_of: Month | None = None) -> Received:
        """Return every stored answer in the order of receipt, then the copies."""
        with self._database.reading() as connection:
            return self._read(connection, on_progress)

    def count_months(self, on_progress: OnProgress) -> Totals:
        """Count the answers, and the responses of every month."""
        with self._database.reading() as connection:
            try:
                counting.require_current_responses(connection, self._rules)
            except counting.ResponsesOutdated:
                received = self._read(connection, on_progress)
                return count_answers(received.answers, self._current_rules(connection))
            months = counting.months_with_responses(connection, self._rules.timezone)
            counts, _ = self._count(connection, list(months))
            return Totals(count_received(connection), counts)

    def count_month(self, month: Month, since: Month, on_progress: OnProgress) -> MonthCounts:
        """Count what the report of a month needs."""
        with self._database.reading() as connection:
            try:
                return self._count_month(connection, month, since)
            except counting.ResponsesOutdated:
                received = self._read(connection, on_progress)
                return count_month(*received, month, since, self._current_rules(connection))

    def _count_month(self, connection: Connection, month: Month, since: Month) -> MonthCounts:
        counting.require_current_responses(connection, self._rules)
        timezone = self._rules.timezone
        bounds = month.bounds(timezone)
        months = counting.months_with_responses(connection, timezone, since, month)
        counts, comment_counts = self._count(connection, list(months))
        return MonthCounts(
            counts=counts,
            comment_counts=comment_counts,
            comments=_frame_comments(counting.commented_responses(connection, *bounds)),
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

    def _current_rules(self, connection: Connection) -> CountingRules:
        return self._rules.with_voids(void_tickets(connection))

    def _read(self, connection: Connection, on_progress: OnProgress) -> Received:
        received = []
        for answer in all_received(connection, self._rules.survey_id):
            received.append(answer)
            if len(received) % 10_000 == 0:
                on_progress(len(received))
        on_progress(len(received))
        table = tabulate_answers(
            uuid=[each.uuid for each in received],
            answered_at=[each.answered_at for each in received],
            ticket_id=[each.ticket_id for each in received],
            person=[each.distinct_id for each in received],
            team=[each.team for each in received],
            rating=[each.rating for each in received],
            trust=[each.link_trust for each in received],
            is_other_survey=[each.is_other_survey for each in received],
            has_comment=[each.comment is not None for each in received],
            row=range(len(received)),
        )
        is_duplicate = [each.is_duplicate for each in received]
        answers = frame_answers([table]).assign(is_duplicate=pd.Series(is_duplicate, dtype="bool"))
        return Received(check(answers, DEDUPLICATED), _StoreLookup(received))


class _StoreLookup:
    """What was read of the store (`events.AnswerLookup`)."""

    def __init__(self, received: Sequence[ReceivedAnswer]) -> None:
        self._received = received

    def look_up_events(self, answers: pd.DataFrame) -> list[RawEvent]:
        """Raise NotImplementedError: the store knows which answers are copies, so nobody compares
        them."""
        raise NotImplementedError("the store has no copies to compare")

    def look_up_comments(self, answers: pd.DataFrame) -> list[Comment]:
        """Return the comments of these answers, in their order."""
        found = (self._received[row] for row in answers["row"])
        return [Comment(each.comment, each.language) for each in found]


def _frame_comments(rows: Sequence[tuple[Any, ...]]) -> pd.DataFrame:
    """Return responses that have a comment, as `schemas.COMMENTS`."""
    types = {name: column.dtype.type for name, column in COMMENTS.columns.items()}
    return frame_comments(pd.DataFrame(rows, columns=list(types)).astype(types))
