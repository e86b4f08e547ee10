"""Did yesterday's events arrive at PostHog?"""

import json
from datetime import UTC, datetime, timedelta

import pytest

from demo.behaviour import answer
from demo.standin_access import PERSONAL_KEY, PROJECT_ID
from pipeline.posthog_arrivals import check_yesterday
from survey.doctor.findings import Level
from survey.store.models import OutboxRow
from survey.store.outbox import mark_delivered
from tests.conftest import on_sqlite
from tests.support.given_answers import GivenAnswer, give
from tests.support.rows import rows
from tests.support.settings import make_settings

NOW = datetime(2026, 10, 15, 12, tzinfo=UTC)
# In London, where it is still summer: yesterday began at 23:00 UTC.
YESTERDAY = datetime(2026, 10, 13, 23, tzinfo=UTC)
pytestmark = on_sqlite


@pytest.fixture
def settings(database_url, posthog):
    return make_settings(
        database_url=database_url,
        posthog_host=posthog.url,
        posthog_project_id=PROJECT_ID,
        posthog_personal_key=PERSONAL_KEY,
    )


@pytest.fixture
def deliver(database, posthog):
    """Send PostHog all that waits, but what it drops without a word."""

    def deliver(dropped=()):
        waiting = rows(database, OutboxRow)
        kept = [row for row in waiting if row.ticket_id not in dropped]
        posthog.record({"batch": [json.loads(row.payload) for row in kept]})
        with database.writing() as connection:
            mark_delivered(connection, [row.id for row in waiting], NOW - timedelta(hours=1))

    return deliver


def check(database, settings):
    (found,) = check_yesterday(database, settings, NOW)
    return found.level, found.message


def test_without_a_key_nobody_is_asked(database, posthog):
    assert check_yesterday(database, make_settings(posthog_host=posthog.url), NOW) == []


def test_a_day_without_answers_is_well(database, settings):
    give(database, settings, GivenAnswer(at=NOW), GivenAnswer(at=YESTERDAY - timedelta(seconds=1)))
    assert check(database, settings) == (
        Level.OK,
        "nobody answered yesterday, so none were to arrive",
    )


def test_what_arrived_and_what_waits_is_well(database, settings, deliver):
    give(database, settings, GivenAnswer(at=YESTERDAY), GivenAnswer(at=NOW - timedelta(hours=14)))
    deliver()
    give(database, settings, GivenAnswer(at=YESTERDAY + timedelta(hours=1)))
    level, message = check(database, settings)
    assert level is Level.OK
    assert message.startswith("2 of yesterday's are there, 1 more accounted for")


def test_what_was_dropped_is_a_failure(database, settings, deliver):
    give(database, settings, GivenAnswer(at=YESTERDAY, ticket_id="1"), GivenAnswer(at=YESTERDAY))
    deliver(dropped=["1"])
    level, message = check(database, settings)
    assert level is Level.FAILURE
    assert "PostHog lacks 1 of yesterday's answers (1 dropped)" in message
    assert "csat reconcile --month 2026-10" in message


def test_events_of_others_are_a_warning(database, settings, posthog):
    properties = {"$survey_id": settings.event_survey_id, "ticketId": "1"}
    event = {"event": "survey sent", "uuid": "u", "distinct_id": "x", "properties": properties}
    posthog.record({"batch": [{**event, "timestamp": YESTERDAY.isoformat()}]})
    level, message = check(database, settings)
    assert (level, "1 did not come from here (1 unknown)" in message) == (
        Level.WARNING,
        True,
    )


def test_a_question_in_vain_is_a_warning(database, settings, posthog):
    posthog.queries.behave(answer(401))
    level, message = check(database, settings)
    assert (level, "in vain" in message) == (Level.WARNING, True)
