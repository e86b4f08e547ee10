"""The sample: always the same, never from the future, with everything that a report must bear."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from demo.comments import HOSTILE
from demo.load import load_sample
from demo.predecessor import is_predecessor
from demo.sample import sample_events
from survey.copies import choose_copies
from survey.counting_rules import CountingRules
from survey.months import Month, months_up_to
from survey.rules import Answer, Response, decide
from survey.scale import SATISFIED
from survey.settings import Settings
from survey.store.database import Database
from survey.store.models import AnswerRow, Origin, OutboxRow, ResponseRow
from survey.teams import UNASSIGNED
from survey.vocabulary import Outcome
from tests.conftest import on_sqlite
from tests.support.events import as_imported
from tests.support.settings import make_settings

UNTIL = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SETTINGS = make_settings()
LAST = Month.of(UNTIL, SETTINGS.timezone)


@pytest.fixture(scope="module")
def events() -> list[dict[str, Any]]:
    return sample_events(UNTIL, SETTINGS)


@pytest.fixture(scope="module")
def decided(events: list[dict[str, Any]]) -> tuple[list[Response], Counter[Outcome]]:
    return decide_all(events)


def decide_all(events: list[dict[str, Any]]) -> tuple[list[Response], Counter[Outcome]]:
    tickets: dict[str | None, list[Answer]] = {}
    rules = CountingRules.of(SETTINGS)
    for answer in choose_copies(as_imported(event, rules) for event in events):
        tickets.setdefault(answer.ticket_id, []).append(answer)
    decisions = [decide(answers, rules) for answers in tickets.values()]
    outcomes = Counter(outcome for d in decisions for outcome in d.outcomes.values())
    return [d.response for d in decisions if d.response is not None], outcomes


def csat(responses: list[Response], team: str, month: Month) -> float:
    ratings = [
        response.latest.rating
        for response in responses
        if response.first.team == team
        and Month.of(response.first.answered_at, SETTINGS.timezone) == month
    ]
    return sum(rating in SATISFIED for rating in ratings) / len(ratings)


def test_is_the_same_every_time(events: list[dict[str, Any]]) -> None:
    assert sample_events(UNTIL, SETTINGS) == events


def test_the_past_does_not_depend_on_the_day_of_the_month(events: list[dict[str, Any]]) -> None:
    earlier = UNTIL - timedelta(days=20)
    assert sample_events(earlier, SETTINGS) == [e for e in events if e["timestamp"] <= earlier]


def test_fills_thirteen_months_and_ends_now(
    events: list[dict[str, Any]], decided: tuple[list[Response], Counter[Outcome]]
) -> None:
    assert max(event["timestamp"] for event in events) <= UNTIL
    months = {Month.of(event["timestamp"], SETTINGS.timezone) for event in events}
    assert months == set(months_up_to(LAST, 13))
    assert 4_800 < len(decided[0]) < 5_800


@pytest.mark.parametrize("day", [1, 28])
def test_can_be_made_on_any_day(day: int) -> None:
    until = datetime(2028, 2, day, 0, 0, tzinfo=UTC)
    assert max(event["timestamp"] for event in sample_events(until, SETTINGS)) <= until


def test_knows_teams_of_other_names_and_zones() -> None:
    settings = make_settings(teams="sales_cs=Customer success,Ops", timezone="Pacific/Auckland")
    answers = [
        as_imported(event, CountingRules.of(settings)) for event in sample_events(UNTIL, settings)
    ]
    assert {"sales_cs", "ops"} < {answer.team for answer in answers}
    assert "customer_success" not in {answer.team for answer in answers}


def test_most_answers_come_on_working_days(events: list[dict[str, Any]]) -> None:
    local = [event["timestamp"].astimezone(SETTINGS.timezone) for event in events]
    assert sum(time.weekday() < 5 for time in local) > 0.85 * len(local)
    assert sum(8 <= time.hour < 19 for time in local) > 0.7 * len(local)


def test_teams_differ_in_size_and_one_is_tiny(
    decided: tuple[list[Response], Counter[Outcome]],
) -> None:
    sizes = Counter(
        (response.first.team, Month.of(response.first.answered_at, SETTINGS.timezone))
        for response in decided[0]
    )
    assert min(sizes["sales_cs", month] for month in months_up_to(LAST, 13)) > 50
    tiny = [sizes["batch_exports", month] for month in months_up_to(LAST, 13)]
    assert min(tiny) < 10 <= max(tiny)


def test_one_team_drops_in_the_last_complete_month(
    decided: tuple[list[Response], Counter[Outcome]],
) -> None:
    responses, _ = decided
    before = [csat(responses, "product_analytics", LAST.shift(-back)) for back in range(2, 13)]
    assert min(before) > 0.85
    assert csat(responses, "product_analytics", LAST.shift(-1)) < 0.75
    assert csat(responses, "product_analytics", LAST) < 0.8
    for team in ("sales_cs", "feature_flags", "session_replay", "web_analytics", "data_warehouse"):
        change = csat(responses, team, LAST.shift(-1)) - csat(responses, team, LAST.shift(-2))
        assert abs(change) < 0.08


def test_holds_every_outcome_that_needs_no_setting(
    decided: tuple[list[Response], Counter[Outcome]],
) -> None:
    _, outcomes = decided
    named = {Outcome.EDIT, Outcome.NO_TICKET, Outcome.INVALID_RATING}
    assert {*named, Outcome.OTHER_PERSON, Outcome.LATE_CHANGE, Outcome.RESPONSE} == set(outcomes)


def test_about_half_have_a_comment_and_all_hostile_ones_are_there(
    events: list[dict[str, Any]],
) -> None:
    comments = [event["properties"]["$survey_response_1"] for event in events]
    assert 0.4 < sum(map(bool, comments)) / len(comments) < 0.6
    assert set(HOSTILE) <= set(comments)
    assert any(len(comment) == 4_000 for comment in comments)
    assert len(set(comments)) > 80
    languages = {event["properties"].get("$survey_language") for event in events}
    assert {"en", "de", "ja", "ar"} <= languages


def test_has_every_defect_of_the_predecessor(events: list[dict[str, Any]]) -> None:
    old = [event for event in events if is_predecessor(event)]
    assert 0.02 < len(old) / len(events) < 0.045
    ratings = [event["properties"]["$survey_response"] for event in old]
    assert {0, 6, None, 4, 5} <= set(ratings)
    assert any(isinstance(rating, str) for rating in ratings)
    assert any("ticketTeam" not in event["properties"] for event in old)
    assert any(event["properties"].get("ticketTeam") == "  " for event in old)
    assert not any("team" in event["properties"] for event in old)
    assert any(isinstance(event["properties"]["ticketId"], float) for event in old)
    assert len({event["uuid"] for event in old}) < len(old)
    listed = {team.slug for team in SETTINGS.teams}
    others = {as_imported(event, CountingRules.of(SETTINGS)).team for event in old} - listed
    assert {UNASSIGNED, "billing"} < others
    reloads = Counter((e["properties"]["ticketId"], e["distinct_id"]) for e in old)
    assert max(reloads.values()) == 2


def test_modern_events_read_back_as_they_were_meant(events: list[dict[str, Any]]) -> None:
    listed = {team.slug for team in SETTINGS.teams}
    for event in events:
        if not is_predecessor(event):
            answer = as_imported(event, CountingRules.of(SETTINGS))
            assert answer.ticket_id and answer.rating and answer.team in listed


@on_sqlite  # which is the database of the demo
def test_loads_into_an_empty_store_once(settings: Settings, database: Database) -> None:
    steps: list[tuple[int, int]] = []
    for _ in range(2):
        load_sample(database, settings, UNTIL, lambda *step: steps.append(step))
    assert steps[-1][0] == steps[-1][1]
    assert steps == sorted(set(steps))
    events = sample_events(UNTIL, settings)
    responses, outcomes = decide_all(events)
    with Session(database.engine) as session:
        answers = list(session.scalars(select(AnswerRow)))
        stored = {row.ticket_id: row for row in session.scalars(select(ResponseRow))}
        waiting = list(session.scalars(select(OutboxRow)))
    assert (len(answers), waiting) == (outcomes.total(), [])
    imported = {answer.uuid for answer in answers if answer.source == Origin.IMPORT}
    assert imported == {event["uuid"] for event in events if is_predecessor(event)}
    assert len(stored) == len(responses)
    for response in responses:
        row = stored[str(response.first.ticket_id)]
        assert (row.rating, row.comment) == (response.latest.rating, response.latest.comment)
        assert (row.team, row.answered_at) == (response.first.team, response.first.answered_at)
