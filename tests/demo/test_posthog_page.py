"""The demo's page of PostHog: what the set-up said, and the dashboard with its numbers."""

from datetime import UTC, datetime

import pytest
import requests

from demo.posthog_page import DashboardPage
from demo.posthog_setup import set_posthog_up
from demo.standin_hogql import recorded_events
from tests.support.browser import watch_console
from tests.support.settings import make_settings

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
SETTINGS = make_settings()


@pytest.fixture
def shown(posthog):
    """The stand-in with its dashboard, and without a past."""
    set_posthog_up(posthog, SETTINGS, NOW)
    posthog.setup.history = tuple
    posthog.setup.clock = lambda: NOW
    return posthog


def sent(number, rating, month, comment="", **properties):
    given = {"$survey_id": SETTINGS.event_survey_id, "ticketId": str(number), "team": "surveys"}
    given |= {"$survey_response": rating, "$survey_response_1": comment, **properties}
    at = f"2026-{month}-14T12:00:00+00:00"
    event = {"event": "survey sent", "uuid": f"u{number}", "distinct_id": "x", "timestamp": at}
    return {**event, "properties": given}


def read(posthog):
    return requests.get(f"{posthog.url}/posthog", timeout=30)


def test_an_empty_dashboard_says_so(shown):
    html = read(shown).text
    assert html.count("No answer yet.") == 6
    assert "Where the report differs" in html
    assert "&#34;Customer satisfaction score (CSAT)&#34; would be made" in html
    assert "[csat:" not in html.partition('id="plan"')[0]


def test_received_events_and_those_of_the_past_are_counted(shown, browser):
    shown.setup.history = lambda: recorded_events([sent(1, "2", "10"), sent(2, "5", "10")])
    comment = "<script>alert(1)</script> " + "word " * 20
    shown.record({"batch": [sent(3, "4", "11", comment)]})
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.goto(f"{shown.url}/posthog")
    page.locator("summary").first.click()
    rows = page.locator("section", has_text="CSAT by month").locator("tr").all_inner_texts()
    assert rows[1:] == ["2026-11\t1\t100.0\t50.0", "2026-10\t2\t50.0\t–"]
    assert "<script>alert(1)</script>" in page.locator("td.words").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.close()


def test_in_a_wide_window_tiles_stand_where_the_dashboard_has_them(shown, browser):
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    complaints = watch_console(page)
    page.goto(f"{shown.url}/posthog")
    grid = page.locator(".grid").bounding_box()
    note, by_month, by_team = (
        page.locator("section").nth(each).bounding_box() for each in range(3)
    )
    assert note["width"] == grid["width"]
    assert by_month["y"] == by_team["y"] >= note["y"] + note["height"]
    assert by_month["width"] == by_team["width"] > 0.45 * grid["width"]
    assert complaints == []
    page.close()


def test_a_stand_in_without_a_set_up_has_no_such_page(posthog):
    assert read(posthog).status_code == 404


def test_a_dashboard_that_was_deleted_is_not_shown(shown):
    shown.setup.things["dashboards"][0]["deleted"] = True
    assert "No answer yet." not in DashboardPage(shown.setup, []).render().content.decode()


def test_the_survey_has_the_id_of_the_demos_events(shown):
    assert shown.setup.things["surveys"][0]["id"] == SETTINGS.event_survey_id
