"""What the database counts is what the rules make of all its answers."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, delete, insert

from pipeline.aggregate import count_answers, count_month
from pipeline.counts import MonthCounts
from pipeline.sources.store import StoreSource
from survey.counting_rules import CountingRules, Derived
from survey.months import Month
from survey.rederive import apply_rules
from survey.rules import Answer
from survey.rules import decide as decide_ticket
from survey.settings import Settings
from survey.store.database import Database
from survey.store.models import (
    AnswerCopyRow,
    AnswerRow,
    AppliedRulesRow,
    Origin,
    ResponseRow,
    VoidRow,
)
from survey.store.responses import remove_response, save_applied_rules, save_response
from survey.store.voids import void_ticket
from survey.vocabulary import Trust
from tests.conftest import on_postgresql, on_sqlite
from tests.support.examples import examples
from tests.support.settings import make_settings

OURS, ANOTHER = "our-survey", "another-survey"
MONTHS = [Month(2026, 9), Month(2026, 10), Month(2026, 11)]
LONDON, AUCKLAND = "Europe/London", "Pacific/Auckland"
WEEK = timedelta(hours=168)
A_BIT = timedelta(microseconds=1)

# The first instants of months, in both zones, one of them in the night when clocks change.
BORDERS = [month.opens_at(ZoneInfo(zone)) for month in MONTHS for zone in (LONDON, AUCKLAND)]


@dataclass(frozen=True)
class Given:
    """An answer, and where it came from."""

    answer: Answer
    imported: bool


def ignore(_read: int) -> None:
    pass


class Counted(StoreSource):
    """The store, where it is a mistake to read all answers."""

    def _current_rules(self, *_: object) -> CountingRules:
        raise AssertionError("all answers are read")


instants = st.builds(
    lambda border, wait, more: (border + wait + more).astimezone(UTC),
    border=st.sampled_from(BORDERS),
    wait=st.sampled_from([timedelta(0), timedelta(0), -WEEK, WEEK, timedelta(days=1)]),
    more=st.sampled_from([timedelta(0), timedelta(0), A_BIT, -A_BIT]),
)
answers = st.builds(
    Answer,
    uuid=st.just(""),
    ticket_id=st.sampled_from(["1", "1", "2", "3", "4", "void", None]),
    distinct_id=st.sampled_from(["ann", "ann", "ann", "bob", "robot"]),
    rating=st.sampled_from([1, 2, 3, 4, 5, 5, 5, None]),
    comment=st.sampled_from([None, None, "Thanks!", "two\nlines 🦔"]),
    team=st.sampled_from(["surveys", "all", "équipe"]),
    answered_at=instants,
    trust=st.sampled_from(Trust),
    survey_id=st.sampled_from([OURS, OURS, OURS, OURS, OURS, ANOTHER, None]),
    language=st.sampled_from(["en", "de", "pt-BR", None]),
)
received = st.lists(st.builds(Given, answers, st.booleans()), max_size=12)
copies = st.lists(st.tuples(st.integers(0, 11), instants), max_size=3)


def store(
    database: Database,
    configured: Settings,
    everything: list[Given],
    copied: list[tuple[int, datetime]],
) -> None:
    """Answers and copies as if they had come in, and the responses that the rules make of them."""
    everything = [
        replace(each, answer=replace(each.answer, uuid=f"u{number:02}"))
        for number, each in enumerate(everything)
    ]
    with database.writing() as connection:
        for table in (AnswerRow, AnswerCopyRow, ResponseRow, VoidRow, AppliedRulesRow):
            connection.execute(delete(table))
        void_ticket(connection, "void", "a test of ours", datetime(2026, 9, 1, tzinfo=UTC))
        for each in everything:
            connection.execute(insert(AnswerRow), answer_row(each))
        for number, (place, at) in enumerate(copied):
            for original in everything[place : place + 1]:
                copy = {**columns(original.answer), "fingerprint": str(number), "properties": "{}"}
                connection.execute(insert(AnswerCopyRow), {**copy, "answered_at": at})
        derive(connection, configured, everything)


def derive(connection: Connection, configured: Settings, everything: list[Given]) -> None:
    rules = CountingRules.of(configured)
    by_ticket: dict[str | None, list[Answer]] = {}
    for each in everything:
        # The site's links know of no survey: what comes by them is ours.
        survey_id = each.answer.survey_id if each.imported else configured.survey_id
        ours = by_ticket.setdefault(each.answer.ticket_id, [])
        ours.append(replace(each.answer, survey_id=survey_id))
    for ticket, given_answers in by_ticket.items():
        response = decide_ticket(given_answers, rules.with_voids(["void"])).response
        if ticket is not None and response is not None:
            save_response(connection, ticket, response)
    save_applied_rules(connection, rules.fingerprint(Derived.RESPONSES))


def answer_row(each: Given) -> dict[str, object]:
    row = {**columns(each.answer), "language": each.answer.language}
    if each.imported:
        return {**row, "source": Origin.IMPORT.value}
    return {**row, "source": Origin.SITE.value, "survey_id": None}


def columns(answer: Answer) -> dict[str, object]:
    names = ("uuid", "ticket_id", "distinct_id", "rating", "comment", "team", "answered_at")
    values = {name: getattr(answer, name) for name in names}
    return {**values, "link_trust": answer.trust.value, "survey_id": answer.survey_id}


def rules_of(configured: Settings, *voids: str) -> CountingRules:
    return CountingRules.of(configured, voids)


def check_counts(database: Database, configured: Settings, *voids: str) -> None:
    """The database and the frames give the same numbers, for every month."""
    rules = rules_of(configured, *voids)
    counted = Counted(database, rules)
    answers, lookup = counted.read_answers(ignore)
    totals, expected = counted.count_months(ignore), count_answers(answers, rules)
    assert totals.received == expected.received
    pd.testing.assert_frame_equal(totals.counts, expected.counts)
    for month in MONTHS:
        since = month.shift(-1)
        by_database = counted.count_month(month, since, ignore)
        by_frames = count_month(answers, lookup, month, since, rules)
        assert_same(by_database, by_frames, month)


def assert_same(found: MonthCounts, expected: MonthCounts, month: Month) -> None:
    for name in ("counts", "comment_counts"):
        frame = getattr(expected, name)
        up_to_month = frame[frame["month"] <= str(month)].reset_index(drop=True)
        pd.testing.assert_frame_equal(getattr(found, name), up_to_month)
    pd.testing.assert_frame_equal(by_ticket(found.comments), by_ticket(expected.comments))
    pd.testing.assert_frame_equal(found.quality, expected.quality)


def by_ticket(responses: pd.DataFrame) -> pd.DataFrame:
    return responses.sort_values("ticket_id", ignore_index=True)


configurations = st.builds(
    lambda timezone, survey_id, excluded_from: make_settings(
        timezone=timezone,
        survey_id=survey_id,
        test_distinct_ids={"robot"},
        unverified_excluded_from=excluded_from,
    ),
    timezone=st.sampled_from([LONDON, AUCKLAND]),
    survey_id=st.sampled_from([OURS, None]),
    excluded_from=st.sampled_from([None, "2026-09", "2026-10"]),
)


def property_of_counts(number: int) -> Callable[..., None]:
    @settings(
        max_examples=examples(number),
        deadline=None,
        # Each example empties the store that all of them use.
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(everything=received, copied=copies, configured=configurations)
    def check(database, everything, copied, configured):
        store(database, configured, everything, copied)
        check_counts(database, configured, "void")

    return check


test_sqlite_counts_as_the_frames_do = on_sqlite(property_of_counts(8))
test_postgresql_counts_as_the_frames_do = on_postgresql(property_of_counts(4))


def counts_of(source: StoreSource) -> MonthCounts:
    month = Month(2026, 10)
    return source.count_month(month, month, ignore)


def quality_of(found: MonthCounts) -> dict[str, int]:
    quality = found.quality.set_index("reason")["answers"]
    return {str(reason): int(number) for reason, number in quality.items() if number}


@pytest.mark.parametrize("at_start", [apply_rules, lambda *_: None], ids=["started", "upgraded"])
def test_an_empty_store_has_empty_counts(database, at_start):
    configured = make_settings()
    at_start(database, rules_of(configured))
    found = counts_of(StoreSource(database, rules_of(configured)))
    assert found.counts.empty and found.comment_counts.empty and found.comments.empty
    assert quality_of(found) == {}
    totals = StoreSource(database, rules_of(configured)).count_months(ignore)
    assert (totals.received, len(totals.counts)) == (0, 0)


def test_what_the_site_received_is_counted_by_the_database(database, fill):
    configured = make_settings()
    apply_rules(database, CountingRules.of(configured))
    fill(5, comment="Thanks!")
    fill(2, submit_id="changed")
    with database.writing() as connection:
        void_ticket(connection, "4", "a test of ours", datetime(2026, 10, 15, tzinfo=UTC))
    found = counts_of(Counted(database, rules_of(configured)))
    assert found.counts.to_dict("records") == [
        {"month": "2026-10", "team": "unassigned", "rating": 5, "responses": 4}
    ]
    assert sorted(found.comments["ticket_id"]) == ["2", "3"]
    assert quality_of(found) == {"received": 7, "response": 4, "edit": 2, "void": 1}


@pytest.mark.parametrize(
    "changed",
    [
        {"edit_window": "30m"},
        {"test_distinct_ids": "customer-1"},
        {"survey_id": "another"},
        {"unverified_excluded_from": "2026-10"},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_until_changed_settings_are_applied_all_answers_are_read(database, fill, clock, changed):
    apply_rules(database, CountingRules.of(make_settings()))
    fill(3)
    clock.advance(hours=1)
    fill(2, comment="Thanks!", submit_id="changed")

    configured = make_settings(**changed)
    with pytest.raises(AssertionError, match="all answers are read"):
        counts_of(Counted(database, rules_of(configured)))
    before = counts_of(StoreSource(database, rules_of(configured)))
    totals = StoreSource(database, rules_of(configured)).count_months(ignore)
    assert totals.received == 5

    apply_rules(database, CountingRules.of(configured))
    assert_same(counts_of(Counted(database, rules_of(configured))), before, Month(2026, 10))
    check_counts(database, configured)


def test_a_response_that_is_missing_is_not_passed_over(database, fill):
    configured = make_settings()
    apply_rules(database, CountingRules.of(configured))
    fill(3)
    with database.writing() as connection:
        remove_response(connection, "1")
    found = counts_of(StoreSource(database, rules_of(configured)))
    assert quality_of(found) == {"received": 3, "response": 3}


def test_a_report_sees_one_state_of_the_store(database, fill):
    configured = make_settings()
    apply_rules(database, CountingRules.of(configured))
    fill(1)

    class Interrupted(Counted):
        def _count(self, *given: Any) -> tuple[pd.DataFrame, pd.DataFrame]:
            counts = super()._count(*given)
            fill(10, comment="Thanks!", submit_id="changed")
            return counts

    found = counts_of(Interrupted(database, rules_of(configured)))
    assert found.counts["responses"].sum() == 1
    assert found.comments.empty
    assert quality_of(found) == {"received": 1, "response": 1}
    assert counts_of(Counted(database, rules_of(configured))).counts["responses"].sum() == 10
