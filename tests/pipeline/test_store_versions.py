"""A store that is asked again and again tells what a fresh look at it tells, whatever came."""

from collections.abc import Callable
from datetime import UTC, datetime

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, event

from pipeline.counts import MonthCounts
from pipeline.events import RawEvent
from pipeline.importing import AnswerImport, read_imported
from pipeline.query import ReportQuery
from pipeline.sources.store import StoreSource
from survey.counting_rules import CountingRules
from survey.errors import CsatError
from survey.events import Questions
from survey.links import parse_link
from survey.periods import Period
from survey.receive import Submission, receive
from survey.rederive import apply_rules
from survey.settings import Settings
from survey.store.database import Database
from survey.store.models import Base
from survey.vocabulary import Trust
from survey.voiding import unvoid, void
from tests.support.examples import examples
from tests.support.settings import make_settings

# Around the ends of months, by the calendar of London and by that of UTC.
ENDS = Period.parse("2026-10-30..2026-11-02")
OCTOBER = Period.parse("2026-10")
QUERIES = [
    ReportQuery(ENDS),
    ReportQuery(ENDS, teams=("surveys",), trusts=(Trust.SIGNED,), languages=("de", "unknown")),
    ReportQuery(ENDS, ratings=(1, 2)),
]
TIMES = [
    datetime(2026, month, day, hour, 30, tzinfo=UTC)
    for month, day in ((10, 26), (10, 29), (10, 30), (10, 31), (11, 1), (11, 6))
    for hour in (0, 12, 23)
]

tickets = st.sampled_from(["1", "2", "3"])
people = st.sampled_from(["ann", "bob"])
ratings = st.integers(1, 5)
times = st.sampled_from(TIMES)
languages = st.sampled_from(["en", "de"])
teams = st.sampled_from(["surveys", "session replay"])


@st.composite
def submissions(draw):
    parameters = {"ticketId": draw(tickets), "distinct_id": draw(people), "team": draw(teams)}
    submission = Submission(
        link=parse_link(parameters),
        trust=draw(st.sampled_from(Trust)),
        rating=draw(ratings),
        comment=draw(st.sampled_from([None, "Thanks!"])),
        submit_id=None,
        questions=Questions("How was it?", None, draw(languages)),
    )
    at = draw(times)
    return lambda database, given: receive(database, given, submission, at)


@st.composite
def imports(draw):
    properties = {
        "ticketId": draw(tickets),
        "$survey_response": draw(ratings),
        "team": draw(teams),
        "$survey_language": draw(st.sampled_from(["en", "de", 5, None])),
    }
    # Few uuids, so that some events are copies of each other.
    event = RawEvent(draw(st.sampled_from("abc")), draw(people), draw(times), properties)

    def bring(database: Database, given: Settings) -> None:
        rules = CountingRules.of(given)
        AnswerImport(database, rules).add(read_imported([event], rules))

    return bring


@st.composite
def voids(draw):
    ticket, is_back = draw(tickets), draw(st.booleans())

    def change(database: Database, given: Settings) -> None:
        try:
            if is_back:
                unvoid(database, given, ticket, "a test", TIMES[0])
            else:
                void(database, given, ticket, "a test", TIMES[0], force=True)
        except CsatError:
            pass  # it is void already, or not void

    return change


changes = st.lists(
    st.tuples(st.one_of(submissions(), imports(), voids()), st.booleans()), min_size=2, max_size=10
)


def count(source: StoreSource, query: ReportQuery) -> MonthCounts:
    return source.count_query(query, [query.period.shift(-1), query.period])


def check_equal(kept: MonthCounts, fresh: MonthCounts) -> None:
    for name in ("counts", "comment_counts", "comments", "quality"):
        pd.testing.assert_frame_equal(getattr(kept, name), getattr(fresh, name), obj=name)


@settings(
    max_examples=examples(4),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(changes)
def test_nothing_that_was_counted_before_is_stale(database: Database, operations):
    with database.writing() as connection:
        for table in reversed(Base.metadata.sorted_tables):
            if table.name != "outbox_totals":
                connection.execute(delete(table))
    configured = make_settings(database_url=database.url.render_as_string(hide_password=False))
    rules = CountingRules.of(configured)
    apply_rules(database, rules)
    kept = StoreSource(database, rules)
    for change, is_looked_at in operations:
        change(database, configured)
        if is_looked_at:
            count(kept, QUERIES[0])
    for query in QUERIES:
        check_equal(count(kept, query), count(StoreSource(database, rules), query))


def test_an_answer_makes_only_its_own_day_counted_again(database, statements_of):
    configured = make_settings(database_url=database.url.render_as_string(hide_password=False))
    rules = CountingRules.of(configured)
    apply_rules(database, rules)
    source = StoreSource(database, rules)
    query = ReportQuery(OCTOBER)
    count(source, query)
    quiet = statements_of(lambda: count(source, query))
    link = parse_link({"ticketId": "9", "distinct_id": "ann"})
    at = datetime(2026, 10, 14, 12, tzinfo=UTC)
    receive(database, configured, Submission(link, Trust.SIGNED, 5, None, None, Questions("?")), at)
    after = statements_of(lambda: count(source, query))
    # The day of UTC lies in two days of the calendar. Each takes one statement for its responses,
    # and three for the outcomes of its answers.
    assert len(after) == len(quiet) + 2 * 4


@pytest.fixture
def statements_of(database):
    def statements_of(act: Callable[[], object]) -> list[str]:
        found: list[str] = []

        def listen(_connection, _cursor, statement, *_):
            found.append(statement)

        event.listen(database.engine, "before_cursor_execute", listen)
        act()
        event.remove(database.engine, "before_cursor_execute", listen)
        return found

    return statements_of
