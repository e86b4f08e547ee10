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
from survey.vocabulary import InvitationOutcome, Trust
from survey.voiding import unvoid, void
from tests.support.examples import examples
from tests.support.invitations import GivenInvitation, invite
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


@st.composite
def decisions(draw):
    invitation = GivenInvitation(
        ticket_id=draw(tickets),
        asked_at=draw(st.none() | times),
        outcome=draw(st.sampled_from(InvitationOutcome)),
        decided_at=draw(times),
        team=draw(teams),
        language=draw(languages),
    )
    return lambda database, _given: invite(database, invitation)


changes = st.lists(
    st.tuples(st.one_of(submissions(), imports(), voids(), decisions()), st.booleans()),
    min_size=2,
    max_size=10,
)


def count(source: StoreSource, query: ReportQuery) -> MonthCounts:
    return source.count_query(query, [query.period.shift(-1), query.period])


def check_equal(kept: MonthCounts, fresh: MonthCounts) -> None:
    for name in ("counts", "comment_counts", "comments", "quality"):
        pd.testing.assert_frame_equal(getattr(kept, name), getattr(fresh, name), obj=name)
    for name in ("invited", "not_asked", "solved"):
        found, expected = (getattr(each.invitations, name) for each in (kept, fresh))
        columns = list(expected.columns)
        pd.testing.assert_frame_equal(
            found.sort_values(columns, ignore_index=True),
            expected.sort_values(columns, ignore_index=True),
            obj=name,
        )


@settings(
    max_examples=examples(2),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(changes, st.sampled_from([None, "2026-10", "2026-11"]))
def test_nothing_that_was_counted_before_is_stale(database: Database, operations, excluded_from):
    with database.writing() as connection:
        for table in reversed(Base.metadata.sorted_tables):
            if table.name != "outbox_totals":
                connection.execute(delete(table))
    configured = make_settings(
        database_url=database.url.render_as_string(hide_password=False),
        unverified_excluded_from=excluded_from,
    )
    rules = CountingRules.of(configured)
    apply_rules(database, rules)
    kept = StoreSource(database, rules)
    for change, is_looked_at in operations:
        change(database, configured)
        if is_looked_at:
            count(kept, QUERIES[0])
    for query in QUERIES:
        check_equal(count(kept, query), count(StoreSource(database, rules), query))


def test_earlier_answers_that_begin_to_count_are_counted_anew(database):
    configured = make_settings(
        database_url=database.url.render_as_string(hide_password=False),
        unverified_excluded_from="2026-10",
    )
    rules = CountingRules.of(configured)
    apply_rules(database, rules)

    def answer(person, trust, day):
        link = parse_link({"ticketId": "9", "distinct_id": person})
        form = Submission(link, trust, 5, None, None, Questions("?"))
        receive(database, configured, form, datetime(2026, 10, day, 12, tzinfo=UTC))

    def count_quality():
        quality = count(kept, ReportQuery(OCTOBER)).quality.set_index("reason")["answers"]
        return {reason: number for reason, number in quality.items() if number}

    kept = StoreSource(database, rules)
    answer("bob", Trust.UNVERIFIED, 14)
    answer("ann", Trust.UNVERIFIED, 15)
    assert count_quality() == {"received": 2, "unverified": 2}
    answer("ann", Trust.KNOWN, 18)
    assert count_quality() == {"received": 3, "response": 1, "edit": 1, "other_person": 1}


def test_an_answer_to_an_invitation_changes_the_day_on_which_its_customer_was_asked(database):
    configured = make_settings(database_url=database.url.render_as_string(hide_password=False))
    rules = CountingRules.of(configured)
    apply_rules(database, rules)
    september = datetime(2026, 9, 28, 12, tzinfo=UTC)
    invite(database, GivenInvitation("9", september, decided_at=september))
    kept = StoreSource(database, rules)

    def count_answered():
        invited = count(kept, ReportQuery(OCTOBER)).invitations.invited
        return invited[["month", "answered"]].to_numpy().tolist()

    assert count_answered() == [["2026-09", 0]]
    link = parse_link({"ticketId": "9", "distinct_id": "ann"})
    form = Submission(link, Trust.SIGNED, 5, None, None, Questions("?"))
    receive(database, configured, form, datetime(2026, 10, 14, 12, tzinfo=UTC))
    assert count_answered() == [["2026-09", 1]]
    void(database, configured, "9", "a test", TIMES[0])
    assert count_answered() == [["2026-09", 0]]


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
    # four for the outcomes of its answers, and one for the networks that they came from.
    assert len(after) == len(quiet) + 2 * 6


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
