"""Replies on the page and in the mail of a report: sentences, tables, and what they leave out."""

from dataclasses import replace
from decimal import Decimal

import pytest

from pipeline.query import ReportQuery
from reports.links import FileLinks
from reports.mail.message import render_report_mail
from reports.page import render_page
from reports.shown_targets import MOST_SEVERITIES, MOST_TEAMS, show_targets
from reports.tables import list_tables
from survey.messages.plain_text import BREAK
from tests.support.html_reader import Reader
from tests.support.mails import MailPage
from tests.support.report_numbers import (
    OCTOBER,
    OCTOBER_STANDS,
    WEB_LINKS,
    full_numbers,
    make_numbers,
)
from tests.support.settings import make_settings
from tests.support.waits import number_waits, waited

SETTINGS = make_settings(base_url="https://survey.example.com")


def show(*waits, settings=SETTINGS, **changes):
    """What a report says of these waits."""
    return show_targets(numbers_of(*waits, **changes), settings, "October 2026")


def numbers_of(*waits, **changes):
    targets = number_waits(*waits, as_of=OCTOBER_STANDS)
    return make_numbers(targets=targets, **changes)


def read(numbers, links=None):
    return Reader(render_page(numbers, SETTINGS, links or FileLinks())).text


def test_as_long_as_no_ticket_is_known_the_report_says_nothing_of_targets():
    assert show_targets(make_numbers(), SETTINGS, "October 2026") is None
    text = read(make_numbers())
    assert "Response targets" not in text
    assert "targets" not in list_tables(make_numbers())


def test_the_sentence_says_how_many_came_in_time_and_how_long_they_took():
    summary = show(*[waited(1.0)] * 7, *[waited(30.0)] * 2, waited(None)).summary
    assert summary == (
        "Of 10 replies due, 70.0% came within the target of the customer’s plan (95% interval 39.7 "
        "to 89.2). Half of the replies took at most 1.0 weekday hours, nine of ten at most 30.0."
    )


@pytest.mark.parametrize(
    ("waits", "summary"),
    [
        ([], "No reply with a target was due to a customer who began to wait in October 2026."),
        ([waited(3.0, plan="free")], "No reply with a target was due to a customer who began"),
        ([waited(None)], "Of 1 reply due, 0% came within the target of the customer’s plan (95%"),
    ],
)
def test_without_replies_the_sentence_says_so(waits, summary):
    assert show(*waits).summary.startswith(summary)
    assert "None" not in read(numbers_of(*waits))


@pytest.mark.parametrize(
    ("waits", "words"),
    [
        ([waited(1.0), waited(None, plan="free")], "No reply is overdue now."),
        ([waited(None)], "1 reply is overdue now: Surveys 1 (Scale)."),
        (
            [waited(None, plan=plan) for plan in ("scale", "enterprise", "scale")]
            + [waited(None, team="experiments", plan="boost")],
            "4 replies are overdue now: Surveys 3 (Scale 2, Enterprise 1) and Experiments 1 "
            "(Boost).",
        ),
        (
            [waited(None, team=f"t{number}") for number in range(7) for _ in range(8 - number)],
            "35 replies are overdue now: T0 8 (Scale), T1 7 (Scale), T2 6 (Scale), T3 5 (Scale), "
            "T4 4 (Scale) and 5 in 2 more teams.",
        ),
    ],
)
def test_overdue_replies_are_named_by_team_and_plan(waits, words):
    assert show(*waits).overdue == words


def test_each_plan_has_a_row_with_its_target_in_the_order_of_plans():
    plans = show(
        waited(1.0, plan="unknown"),
        waited(2.0),
        waited(70.0, plan="enterprise"),
        waited(9.0, plan="free"),
    ).plans
    assert [(row.name, row.target, row.overdue) for row in plans] == [
        ("Free", None, None),
        ("Scale", "24 hours", 0),
        ("Enterprise", "8 hours", 0),
        ("Plan not known", None, None),
    ]
    assert [row.met.share for row in plans] == [None, Decimal("100.0"), Decimal("0.0"), None]


@pytest.mark.parametrize(
    ("target", "words"),
    [("72h", "72 hours"), ("1h", "1 hour"), ("3d", "72 hours"), ("90m", "90 minutes")],
)
def test_a_target_is_told_in_hours_because_its_days_are_weekdays(target, words):
    settings = make_settings(targets=f"scale={target}")
    (row,) = show(waited(1.0), settings=settings).plans
    assert row.target == words


def test_teams_stand_by_what_can_be_counted_on_and_those_with_few_replies_last():
    shown = show(
        *[waited(1.0, team="experiments")] * 9 + [waited(30.0, team="experiments")],
        *[waited(1.0, team="surveys")] * 40,
        waited(1.0, team="batch_exports"),
        waited(1.0, team="all"),
    )
    assert [row.name for row in shown.teams] == [
        "Surveys",
        "Experiments",
        "All team",
        "Batch exports",
    ]
    assert [row.met.is_compared for row in shown.teams] == [True, True, False, False]


def test_many_teams_and_severities_are_left_to_the_file():
    teams = [waited(1.0, team=f"team_{number:03}") for number in range(MOST_TEAMS + 3)]
    severities = [waited(1.0, severity=f"s{number:02}") for number in range(MOST_SEVERITIES + 2)]
    numbers = numbers_of(*teams, *severities)
    shown = show_targets(numbers, SETTINGS, "October 2026")
    assert len(shown.teams) == MOST_TEAMS
    assert len(shown.teams_and_plans) == MOST_TEAMS
    assert (shown.left_out_teams, shown.left_out_severities) == (4, 3)
    text = read(numbers)
    assert "4 more teams with fewer replies stand in targets.csv alone." in text
    assert "3 more with fewer replies are left out." in text
    assert len(list_tables(numbers)["targets"]) == MOST_TEAMS + 4 + 1


def test_page_and_mail_say_the_same():
    numbers = full_numbers()
    page = read(numbers)
    mail = render_report_mail(numbers, SETTINGS)
    text, html = (mail.get_body((kind,)).get_content() for kind in ("plain", "html"))
    texts = [
        " ".join(each.replace(BREAK, "").split()) for each in (page, text, MailPage(html).text)
    ]
    shown = show_targets(numbers, SETTINGS, "October 2026")
    for sentence in (shown.summary, shown.overdue, shown.satisfaction_words):
        assert all(sentence in text for text in texts)
    for row in shown.plans:
        assert all(row.name in text for text in texts)
        if row.met.share is not None:
            assert all(f"{row.met.share}%" in text for text in texts)


def test_the_page_of_a_team_compares_no_teams():
    query = ReportQuery(OCTOBER, teams=("surveys",))
    text = read(numbers_of(waited(1.0), query=query), WEB_LINKS)
    assert "Replies by plan" in text
    assert "Replies by team, all plans" not in text
    assert "only that for teams leaves any out here" not in text


def test_a_filter_that_replies_do_not_know_is_said():
    query = ReportQuery(OCTOBER, ratings=(1,))
    assert "only that for teams leaves any out here" in read(numbers_of(waited(1.0), query=query))


def test_the_table_can_be_had_as_a_file():
    hrefs = Reader(render_page(full_numbers(), SETTINGS, WEB_LINKS)).all_of("href")
    assert {f"/reports/2026-10/targets.{kind}" for kind in ("csv", "xlsx", "parquet")} <= set(hrefs)


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        ("up", "Customers who got every reply in time were clearly more satisfied than the others"),
        ("down", "clearly less satisfied than the others, by "),
        ("no", "No clear difference in satisfaction"),
        (None, "Fewer than 10 responses on one side"),
    ],
)
def test_satisfaction_is_compared_in_words(verdict, words):
    numbers = full_numbers()
    found = numbers.targets.satisfaction
    targets = replace(numbers.targets, satisfaction=replace(found, verdict=verdict))
    shown = show_targets(replace(numbers, targets=targets), SETTINGS, "October 2026")
    assert words in shown.satisfaction_words
    assert [row.responses for row in shown.satisfaction] == [
        found.in_target.responses,
        found.late.responses,
    ]
