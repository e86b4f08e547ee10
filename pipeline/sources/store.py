"""The project's own store as a source."""

import json
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
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
from pipeline.invitations import CountedInvitations, InvitationCounts, frame_invitations
from pipeline.proofs import claim_trust, read_proofs
from pipeline.query import ReportQuery
from pipeline.schemas import COMMENTS, DEDUPLICATED, check
from pipeline.sources.base import OnProgress, Received
from pipeline.sources.store_counts import DayVersions, StoreCounts
from pipeline.surges import LOOK_BACK
from survey.counting_rules import CountingRules
from survey.event_values import PropertyKeys, read_trust
from survey.months import Month, months_between
from survey.periods import EARLIEST, Period
from survey.store import counting, invitations
from survey.store.database import Database
from survey.store.received import ReceivedAnswer, all_received, count_received
from survey.store.responses import applied_rules
from survey.store.voids import void_tickets
from survey.vocabulary import TRUST_ORDER, Trust


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
        self._counts = StoreCounts(rules)

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
            periods = [Period.of_month(month) for month in months]
            counts, _ = self._count(connection, periods)
            return Totals(count_received(connection), counts)

    def count_responses(self, connection: Connection, month: Month) -> int:
        """Return how many responses of a month the reports count, in a transaction of the
        caller."""
        period = Period.of_month(month)
        versions = self._versions(connection, [period])
        counted = self._counts.count_responses(connection, period, versions)
        return sum(each.responses for each in counted)

    def count_month(self, month: Month, since: Month, on_progress: OnProgress) -> MonthCounts:
        """Count what the report of a month needs."""
        with self._database.reading() as connection:
            try:
                periods = [Period.of_month(each) for each in months_between(since, month)]
                return self._count_query(connection, ReportQuery(periods[-1]), periods)
            except counting.ResponsesOutdated:
                received = self._read(connection, on_progress)
                return count_month(*received, month, since, self._current_rules(connection))

    def count_query(self, query: ReportQuery, periods: Sequence[Period]) -> MonthCounts:
        """Count what the report of any period needs, as the query filters it, and other periods to
        compare it with: their names stand in the columns `month`.

        Raises counting.ResponsesOutdated while the responses are derived by other rules.
        """
        with self._database.reading() as connection:
            return self._count_query(connection, query, periods)

    def count_periods(self, query: ReportQuery, periods: Sequence[Period]) -> pd.DataFrame:
        """Count the responses of periods (`schemas.COUNTS`), and nothing else, as `count_query`
        does."""
        with self._database.reading() as connection:
            counting.require_current_responses(connection, self._rules)
            return self._count(connection, periods, query)[0]

    def find_version(self, query: ReportQuery, periods: Sequence[Period]) -> Hashable:
        """Return what changes with every change of what `count_query` counts of these periods."""
        with self._database.reading() as connection:
            around = _with_look_back(query.period)
            days = [day for period in (*periods, around) for day in period.days()]
            versions = self._versions(connection, [*periods, around])
            solved = self._count_solved(connection, query.period)
            return applied_rules(connection), versions.of(days), tuple(sorted(solved, key=repr))

    def _count_query(
        self, connection: Connection, query: ReportQuery, periods: Sequence[Period]
    ) -> MonthCounts:
        counting.require_current_responses(connection, self._rules)
        around = _with_look_back(query.period)
        versions = self._versions(connection, [around, *periods])
        counts, comment_counts = self._count(connection, periods, query, versions)
        outcomes = self._counts.count_outcomes(connection, query.period, versions)
        return MonthCounts(
            counts=counts,
            comment_counts=comment_counts,
            comments=self._read_comments(connection, query),
            quality=frame_quality(outcomes),
            invitations=self._count_invitations(connection, query.period, periods, versions),
            daily=self._counts.count_by_day(connection, around.days(), versions),
        )

    def _count_invitations(
        self,
        connection: Connection,
        period: Period,
        periods: Sequence[Period],
        versions: DayVersions,
    ) -> InvitationCounts:
        """Count the invitations of all these periods, and the tickets of one."""
        bounds = period.bounds(self._rules.timezone)
        first = invitations.first_invitation_at(connection)
        invited: dict[str, list[CountedInvitations]] = {}
        for each in {period, *periods}:
            # A report of a year looks at hundreds of days, often from before the first invitation.
            if first is not None and first < each.bounds(self._rules.timezone)[1]:
                invited[each.name] = self._counts.count_invited(connection, each, versions)
        return frame_invitations(
            invited,
            invitations.count_not_asked(connection, *bounds),
            self._count_solved(connection, period),
        )

    def _count_solved(self, connection: Connection, period: Period) -> list[tuple[Any, ...]]:
        # No version tells of a ticket that has changed, so they are counted each time.
        return invitations.count_solved(connection, *period.bounds(self._rules.timezone))

    def _read_comments(self, connection: Connection, query: ReportQuery) -> pd.DataFrame:
        bounds = query.period.bounds(self._rules.timezone)
        names = list(COMMENTS.columns)
        team, rating, trust, language = map(
            names.index, ("team", "rating", "link_trust", "language")
        )
        rows = counting.commented_responses(connection, *bounds)
        return _frame_comments(
            [
                row
                for row in rows
                if query.includes(row[team], row[rating], row[trust], row[language])
            ]
        )

    def _versions(self, connection: Connection, periods: Sequence[Period]) -> DayVersions:
        first = min((each.first for each in periods), default=EARLIEST)
        last = max((each.last for each in periods), default=EARLIEST)
        return DayVersions(connection, first, last, self._rules.timezone)

    def _count(
        self,
        connection: Connection,
        periods: Sequence[Period],
        query: ReportQuery | None = None,
        versions: DayVersions | None = None,
    ) -> tuple[pd.DataFrame, pd.DataFrame]:
        """`schemas.COUNTS` and `schemas.COMMENT_COUNTS` of these periods."""
        versions = versions or self._versions(connection, periods)
        responses: Counter[tuple[str, str, int]] = Counter()
        comments: Counter[tuple[str, str]] = Counter()
        for period in periods:
            for each in self._counts.count_responses(connection, period, versions):
                if query is None or query.includes(
                    each.team, each.rating, each.trust, each.language
                ):
                    responses[period.name, each.team, each.rating] += each.responses
                    comments[period.name, each.team] += each.comments
        return (
            frame_counts(_frame_counter(responses, ["month", "team", "rating", "responses"])),
            frame_comment_counts(_frame_counter(+comments, ["month", "team", "comments"])),
        )

    def _current_rules(self, connection: Connection) -> CountingRules:
        return self._rules.with_voids(void_tickets(connection))

    def _read(self, connection: Connection, on_progress: OnProgress) -> Received:
        received, trusts, proofs = [], [], []
        keys = PropertyKeys.of(self._rules)
        for answer in all_received(connection, self._rules.survey_id):
            trust, proof = TRUST_ORDER.index(Trust(answer.link_trust)), None
            if answer.claim is not None:
                # Other secrets than those of the import may judge it.
                claimed = json.loads(answer.claim)
                trust, proof = (
                    claim_trust(read_trust(claimed.get(keys.trust))),
                    claimed.get(keys.proof),
                )
            trusts.append(trust)
            proofs.append(proof)
            received.append(answer._replace(claim=None))
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
            trust=trusts,
            proof=read_proofs(proofs),
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


def _with_look_back(period: Period) -> Period:
    """Return the days of a period, and those before that tell what is usual."""
    return Period(period.first - LOOK_BACK, period.last, 0)


def _frame_counter(counter: Mapping[tuple[Any, ...], int], columns: list[str]) -> pd.DataFrame:
    return pd.DataFrame([(*key, number) for key, number in counter.items()], columns=columns)


def _frame_comments(rows: Sequence[tuple[Any, ...]]) -> pd.DataFrame:
    """Return responses that have a comment, as `schemas.COMMENTS`."""
    types = {name: column.dtype.type for name, column in COMMENTS.columns.items()}
    return frame_comments(pd.DataFrame(rows, columns=list(types)).astype(types))
