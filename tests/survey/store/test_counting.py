"""Counts by the database: from indexes alone, and each answer under its first reason."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, event, insert, text

from survey.counting_rules import CountingRules
from survey.months import Month
from survey.rules import Answer, Response
from survey.store import counting
from survey.store.models import AnswerCopyRow, AnswerRow
from survey.store.responses import add_responses
from survey.store.voids import void_ticket
from tests.conftest import on_postgresql, on_sqlite
from tests.support.settings import make_settings

LONDON = ZoneInfo("Europe/London")
OCTOBER = Month(2026, 10).bounds(LONDON)
RATINGS = "ix_responses_answered_at_team_rating"
COMMENTED = "ix_responses_commented"
COUNTS = {
    "first of all": (lambda c: list(counting.months_with_responses(c, LONDON)), RATINGS),
}
SEARCHES = {
    "responses by their values": (lambda c: counting.count_by_values(c, *OCTOBER), RATINGS),
    "comments": (lambda c: counting.commented_responses(c, *OCTOBER), COMMENTED),
}


@pytest.fixture
def explain(database) -> Callable[[Callable[[Connection], object], str], list[str]]:
    """How the database carries out the first statement of a function, one step a line."""

    def explain(
        count: Callable[[Connection], object], words: str, prepare: str = "SELECT 1"
    ) -> list[str]:
        asked = []

        def listen(_connection, _cursor, statement, parameters, *_):
            asked.append((statement, parameters))

        with database.reading() as connection:
            connection.execute(text(prepare))
            event.listen(database.engine, "before_cursor_execute", listen)
            count(connection)
            event.remove(database.engine, "before_cursor_execute", listen)
            statement, parameters = asked[0]
            steps = connection.exec_driver_sql(f"{words} {statement}", parameters)
            return [" ".join(map(str, step)) for step in steps]

    return explain


@on_sqlite
@pytest.mark.parametrize("name", COUNTS)
def test_sqlite_reads_an_index_alone(explain, name):
    count, index = COUNTS[name]
    steps = explain(count, "EXPLAIN QUERY PLAN")
    assert [step for step in steps if f"USING COVERING INDEX {index}" in step]


@on_sqlite
@pytest.mark.parametrize("name", SEARCHES)
def test_sqlite_finds_the_responses_of_a_day_by_their_time(explain, name):
    count, index = SEARCHES[name]
    assert [
        step for step in explain(count, "EXPLAIN QUERY PLAN") if f"USING INDEX {index} " in step
    ]


@on_postgresql
@pytest.mark.parametrize("name", COUNTS)
def test_postgresql_reads_an_index_alone(explain, database, fill, name):
    fill(300, comment="Thanks!")
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE responses"))
    count, index = COUNTS[name]
    # So few rows are read all together, if that is not forbidden.
    steps = explain(count, "EXPLAIN", prepare="SET LOCAL enable_seqscan = off")
    assert [step for step in steps if f"Index Only Scan using {index}" in step]


@on_sqlite
def test_sqlite_finds_a_months_answers_and_their_tickets_by_indexes(explain):
    steps = explain(
        lambda c: counting.count_outcomes(c, *OCTOBER, CountingRules.of(make_settings())),
        "EXPLAIN QUERY PLAN",
    )
    assert [step for step in steps if "SEARCH answers USING INDEX ix_answers_answered_at" in step]
    assert not [step for step in steps if "SCAN answers" in step or "SCAN responses" in step]


def test_months_are_those_of_the_time_zone_and_none_is_empty(database, fill, clock):
    for time in ("2026-03-31T22:59:59.999999", "2026-03-31T23:00:00", "2026-08-15T12:00:00"):
        clock.time = datetime.fromisoformat(f"{time}+00:00")
        fill(1, submit_id=time)
        with database.writing() as connection:
            connection.execute(text("UPDATE responses SET ticket_id = submission_id"))
            connection.execute(text("UPDATE answers SET ticket_id = uuid"))
    march, april, august = Month(2026, 3), Month(2026, 4), Month(2026, 8)
    with database.reading() as connection:
        months = counting.months_with_responses(connection, LONDON)
        assert list(months) == [march, april, august]
        assert counting.count_by_values(connection, *march.bounds(LONDON)) == [
            ("unassigned", 5, "unverified", "en", 1, 0)
        ]


NOON = datetime(2026, 10, 14, 12, tzinfo=UTC)
# Each has every fault of those behind it, too.
FAULTS = (
    ("other_survey", {"survey_id": "another"}),
    ("no_ticket", {"ticket_id": None}),
    ("invalid_rating", {"rating": None}),
    ("test", {"distinct_id": "robot"}),
    ("void", {"ticket_id": "void"}),
    ("unverified", {"ticket_id": "2"}),
    ("other_person", {"distinct_id": "stranger"}),
    ("late_change", {"answered_at": NOON + timedelta(days=8)}),
)
FIRST = Answer("response", "1", "ann", 4, None, "surveys", NOON)
SOUND: dict[str, object] = {
    **{"source": "import", "ticket_id": "1", "distinct_id": "ann", "rating": 4, "comment": None},
    **{"team": "surveys", "link_trust": "unverified", "survey_id": "ours"},
}


def test_each_answer_has_the_first_reason_that_applies(database):
    configured = make_settings(
        test_distinct_ids="robot", survey_id="ours", unverified_excluded_from="2026-10"
    )
    rows = [{**SOUND, "uuid": "response", "answered_at": NOON}]
    rows.append({**SOUND, "uuid": "edit", "answered_at": NOON + timedelta(hours=1)})
    for place, (name, _) in enumerate(FAULTS):
        faulty: dict[str, object] = {"answered_at": NOON + timedelta(hours=2)}
        for _, fault in reversed(FAULTS[place:]):
            faulty |= fault
        rows.append({**SOUND, **faulty, "uuid": name})
    with database.writing() as connection:
        for row in rows:
            connection.execute(insert(AnswerRow), row)
        copy = {name: value for name, value in rows[0].items() if name != "source"}
        connection.execute(insert(AnswerCopyRow), {**copy, "fingerprint": "f", "properties": "{}"})
        void_ticket(connection, "void", "a test of ours", NOON)
        latest = replace(FIRST, uuid="edit", answered_at=NOON + timedelta(hours=1))
        add_responses(connection, {"1": Response(FIRST, latest)})
    with database.reading() as connection:
        found = counting.count_outcomes(connection, *OCTOBER, CountingRules.of(configured))
    assert found == {
        **{name: 1 for name, _ in FAULTS},
        **{"response": 1, "edit": 1, "duplicate": 1},
    }
