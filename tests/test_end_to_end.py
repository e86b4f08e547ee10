"""The main job with real parts: the printed link in a browser, the event, the monthly files."""

import csv
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from survey.clock import now
from survey.months import Month
from survey.settings import load_settings
from tests.support.command import run_csat
from tests.support.site import running_site


@pytest.fixture
def site(tmp_path, posthog):
    """A site that delivers to a recording stand-in."""
    settings = {"CSAT_POSTHOG_HOST": posthog.url, "CSAT_POSTHOG_KEY": "phc_test"}
    with running_site(tmp_path, **settings) as site:
        yield site


@pytest.fixture
def csat(tmp_path, site):
    """Run a command with the site's settings."""

    def csat(*arguments: str) -> str:
        done = run_csat(
            *arguments,
            CSAT_DATABASE_URL=f"sqlite:///{tmp_path}/csat.db",
            CSAT_BASE_URL=site.url,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return csat


def answer(page: Page, link: str, face: str, comment: str) -> None:
    """What a customer does: open the link, choose a face, write, send."""
    page.goto(link)
    page.get_by_label(face, exact=True).check()
    page.get_by_label("What can we do to increase your rating?").fill(comment)
    page.get_by_role("button", name="Send feedback").click()
    expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
    expect(page.get_by_text(f"Your answer: {face}")).to_be_visible()


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without scripts"])
def test_from_the_link_to_the_files(browser: Browser, csat, posthog, tmp_path, scripts):
    month = str(Month.of(now(), load_settings().timezone))
    page = browser.new_context(java_script_enabled=scripts).new_page()
    faces = {"101": ("Very satisfied", "5"), "102": ("Neutral", "3"), "103": ("Satisfied", "4")}
    for ticket, (face, _) in faces.items():
        link = csat("link", "--distinct-id", "jane", "--ticket-id", ticket, "--team", "Surveys")
        answer(page, link.strip(), face, f"=about {ticket}")

    assert posthog.wait_for_events(3)
    sent = {event["properties"]["ticketId"]: event for event in posthog.submissions()}
    assert {ticket: e["properties"]["$survey_response"] for ticket, e in sent.items()} == {
        ticket: rating for ticket, (_, rating) in faces.items()
    }

    csat("report", "--month", month, "--out", str(tmp_path / "out"))
    *teams, everyone = read(tmp_path / "out/teams.csv")
    surveys = next(row for row in teams if row["team"] == "surveys")
    assert everyone["team"] == "all"
    for row in (surveys, everyone):
        assert (row["responses"], row["satisfied"], row["csat_pct"]) == ("3", "2", "66.67")
        assert (row["csat_low"], row["csat_high"], row["mean_rating"]) == (
            "20.77",
            "93.85",
            "4.000",
        )
    assert read(tmp_path / "out/counts.csv") == [
        {"month": month, "team": "surveys", "rating": rating, "responses": "1"}
        for rating in ("3", "4", "5")
    ]
    (donation,) = read(tmp_path / "out/donations.csv")
    assert (donation["hedgehogs"], donation["status"]) == ("3", "open")
    assert [row["comment"] for row in read(tmp_path / "out/comments.csv")] == [
        f"'=about {ticket}" for ticket in faces
    ]
    quality = {row["reason"]: row["answers"] for row in read(tmp_path / "out/quality.csv")}
    assert (quality["received"], quality["response"], quality["edit"]) == ("3", "3", "0")


def test_the_thanks_let_the_customer_change_the_answer(browser: Browser, csat, posthog):
    page = browser.new_page()
    link = csat("link", "--ticket-id", "8", "--distinct-id", "joe").strip()
    answer(page, link, "Very satisfied", "first thought")
    page.get_by_text("Change your answer").click()
    page.get_by_label("Dissatisfied", exact=True).check()
    expect(page.get_by_label("What can we do")).to_have_value("first thought")
    page.get_by_role("button", name="Change answer").click()
    expect(page.get_by_text("Your answer has been changed: Dissatisfied")).to_be_visible()
    assert posthog.wait_for_events(2)
    first, second = posthog.submissions()
    submission = "$survey_submission_id"
    assert first["properties"][submission] == second["properties"][submission]
