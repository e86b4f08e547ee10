"""PostHog itself as a source: asked page by page, it gives the numbers that its exports give."""

import json
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
import requests

from demo.behaviour import answer, later
from demo.standin_access import PERSONAL_KEY, PROJECT_ID
from pipeline.sources.base import SourceError
from pipeline.sources.export import ExportSource
from pipeline.sources.posthog import PostHogSource
from survey.counting_rules import CountingRules
from survey.months import Month
from survey.settings import SettingsError
from tests.support.command import run_csat
from tests.support.events import NOON, make_event, write_jsonl
from tests.support.responses import describe_source, outcomes_by_uuid
from tests.support.settings import make_settings

OCTOBER = Month(2026, 10)


@pytest.fixture
def configure(posthog):
    def configure(**given):
        return make_settings(
            posthog_app_host=posthog.url,
            posthog_project_id=PROJECT_ID,
            posthog_personal_key=PERSONAL_KEY,
            **given,
        )

    return configure


@pytest.fixture
def send(posthog):
    """Put events into PostHog."""

    def send(*events):
        batch = [{**event, "timestamp": event["timestamp"].isoformat()} for event in events]
        body = json.dumps({"api_key": "phc_test", "batch": batch})
        assert requests.post(f"{posthog.url}/batch/", data=body, timeout=5).ok

    return send


@pytest.fixture
def csat(posthog, tmp_path):
    def csat(*arguments, **given):
        defaults = {
            "CSAT_DATABASE_URL": f"sqlite:///{tmp_path}/csat.db",
            "CSAT_POSTHOG_APP_HOST": posthog.url,
            "CSAT_POSTHOG_PROJECT_ID": PROJECT_ID,
            "CSAT_POSTHOG_PERSONAL_KEY": PERSONAL_KEY,
        }
        return run_csat(*arguments, **{**defaults, **given})

    return csat


def read(settings, page_rows=2, clock=lambda: NOON):
    """The uuid of every answer, and what became of it, in their order."""
    rules = CountingRules.of(settings)
    return outcomes_by_uuid(PostHogSource(settings, rules, clock, page_rows), rules)


def outcomes(settings, **given):
    return dict(read(settings, **given))


def refusal(settings):
    with pytest.raises(SourceError) as raised:
        read(settings)
    return str(raised.value)


def test_it_gives_what_an_export_of_the_same_events_gives(configure, send, tmp_path):
    events = [
        make_event("a", **{"$survey_response": 5, "$survey_response_1": "Thanks! 🦔"}),
        make_event("b", at=NOON + timedelta(microseconds=1), ticketId=42.0, distinct_id="joe"),
        make_event("c", ticketId=43, at=NOON, team=None, ticketTeam="Web analytics"),
        make_event("d", ticketId=" 44 ", **{"$survey_response": 4.5}),
        make_event("e", ticketId=None),
        make_event("f", ticketId="45", link_trust="signed", at=OCTOBER.bounds(UTC)[0]),
        make_event("g", name="survey shown"),
    ]
    send(*events)
    settings = configure()
    rules = CountingRules.of(settings)
    export = ExportSource(str(write_jsonl(tmp_path / "e.jsonl", events)), rules)
    assert sorted(read(settings)) == sorted(outcomes_by_uuid(export, rules))
    source = PostHogSource(settings, rules, lambda: NOON)
    pd.testing.assert_frame_equal(describe_source(source, rules), describe_source(export, rules))
    totals = source.count_months(lambda _read: None)
    assert totals.received == 6
    pd.testing.assert_frame_equal(totals.counts, export.count_months(lambda _read: None).counts)
    of_month = source.count_month(OCTOBER, OCTOBER, lambda _read: None)
    expected = export.count_month(OCTOBER, OCTOBER, lambda _read: None)
    for name in ("counts", "comment_counts", "comments", "quality"):
        pd.testing.assert_frame_equal(getattr(of_month, name), getattr(expected, name))


def test_answers_of_other_surveys_are_asked_for_and_counted_as_such(configure, send):
    send(make_event("a", **{"$survey_id": "ours"}), make_event("b", **{"$survey_id": "theirs"}))
    send(make_event("c"))
    assert outcomes(configure(survey_id="ours")) == {
        "a": "response",
        "b": "other_survey",
        "c": "other_survey",
    }


def test_every_event_is_read_from_the_first_to_those_of_clocks_that_are_ahead(configure, send):
    send(
        make_event("old", at=datetime(1970, 1, 1, tzinfo=UTC), ticketId="1"),
        make_event("ahead", at=NOON + timedelta(hours=23), ticketId="2"),
    )
    assert outcomes(configure()) == {"old": "response", "ahead": "response"}


def test_what_comes_in_while_it_is_read_does_not_make_the_reading_endless(configure, send, posthog):
    send(*(make_event(name, ticketId=name) for name in "abc"))
    read(configure())
    bounds = {asked["query"]["values"]["closes_at"] for asked in posthog.queries.asked}
    assert len(posthog.queries.asked) == 2
    assert bounds == {"2026-10-16 12:00:00.123456"}


def test_copies_that_posthog_has_not_merged_are_duplicates(configure, send, posthog):
    posthog.queries.merges = False
    send(make_event("a"), make_event("a"), make_event("a", at=NOON - timedelta(hours=1)))
    found = sorted(outcome for _, outcome in read(configure(), page_rows=9))
    assert found == ["duplicate", "duplicate", "response"]


def test_posthog_may_take_its_time(configure, send, posthog):
    send(make_event("a"))
    posthog.queries.behave(later(3), times=1)
    assert outcomes(configure()) == {"a": "response"}


@pytest.mark.parametrize(
    ("uuid", "properties", "reason"),
    [
        ("u1", "{not json", "properties are not JSON"),
        ("u2", "[1]", "properties are not a JSON object"),
        (" ", "{}", "is not a uuid"),
    ],
)
def test_an_event_that_cannot_be_read_is_named(configure, posthog, uuid, properties, reason):
    row = ["2026-10-14 12:00:00.000000", uuid, "jane", properties]
    posthog.queries.behave(answer(200, {"results": [row]}), times=1)
    message = refusal(configure())
    assert repr(uuid) in message
    assert reason in message


def test_what_posthog_refuses_is_said(configure, posthog):
    posthog.queries.behave(answer(403, {"detail": "no query:read"}), times=1)
    assert "query:read" in refusal(configure())


def test_its_settings_are_demanded_by_name():
    def open_without(settings):
        PostHogSource(settings, CountingRules.of(settings))

    with pytest.raises(SettingsError, match="CSAT_POSTHOG_PROJECT_ID"):
        open_without(make_settings(posthog_personal_key=PERSONAL_KEY))
    with pytest.raises(SettingsError, match="CSAT_POSTHOG_PERSONAL_KEY"):
        open_without(make_settings(posthog_project_id=PROJECT_ID))


class TestCommands:
    def test_counts_and_report(self, csat, send, tmp_path):
        at = NOON.replace(year=2025)
        send(make_event("a", at=at), make_event("b", ticketId="43", at=at))
        counted = csat("aggregate", "--source", "posthog", "--out", str(tmp_path / "c.csv"))
        assert (counted.returncode, counted.stderr) == (0, "")
        assert (tmp_path / "c.csv").read_text().splitlines()[1:] == ["2025-10,surveys,4,2"]

        folder = tmp_path / "report"
        done = csat(*("report", "--month", "2025-10", "--source", "posthog", "--out", str(folder)))
        assert (done.returncode, done.stderr) == (0, "")
        assert "PostHog&#39;s project 1" in (folder / "report.html").read_text()
        assert not (folder / "donations.csv").exists()

    def test_they_name_the_setting_that_is_missing(self, csat):
        arguments = ("aggregate", "--out", "c.csv", "--source", "posthog")
        done = csat(*arguments, CSAT_POSTHOG_PERSONAL_KEY="")
        assert done.returncode == 1
        assert "CSAT_POSTHOG_PERSONAL_KEY" in done.stderr
        assert "Traceback" not in done.stderr
