"""What looks like ballot stuffing, in words: what the page and the terminal say of it."""

from datetime import date, timedelta

import pytest

from pipeline.stuffing import Kind, SeriesKey, Suspicion
from pipeline.surges import Surge
from reports.links import FileLinks
from reports.page import render_page
from reports.shown_stuffing import MOST_SHOWN, show_stuffing, summarise_stuffing
from survey.teams import DEFAULT_TEAMS, parse_teams
from tests.support.html_reader import Reader
from tests.support.report_numbers import every_kind_of_suspicion, make_numbers
from tests.support.settings import make_settings

TEAMS = parse_teams(DEFAULT_TEAMS)
RATINGS = {"surveys": (1, 1, 1, 3, 9)}


def page(found):
    numbers = make_numbers(RATINGS, RATINGS, stuffing=found)
    return " ".join(Reader(render_page(numbers, make_settings(), FileLinks())).text.split())


def suspicion(days=1, team="surveys"):
    key = SeriesKey(Kind.SATISFIED, team)
    first = date(2026, 10, 1)
    surges = [Surge(key, first + timedelta(days=each), 40, 12.0, 15) for each in range(days)]
    return Suspicion(key.kind, team, tuple(surges), None, None)


def test_each_kind_says_which_answers_on_which_days_what_is_usual_and_what_they_change():
    shown = show_stuffing(every_kind_of_suspicion(), TEAMS).shown
    assert [each.whose for each in shown] == ["Session replay", "All teams", "X" + "x" * 59]
    assert shown[0].noticed == (
        "44 unverified answers rated 4 or 5 on 14 October 2026 and 38 on 15 October 2026."
    )
    assert shown[0].usual == "Usual is 4.2 a day, and 11 on the busiest day."
    assert shown[0].effect == (
        "Without those answers of those days, the team’s CSAT would be 71.3% instead of 83.2% and "
        "the CSAT of all teams would be 80.0% instead of 84.0%."
    )
    assert shown[1].noticed == ("61 unverified answers from one network on 14 October 2026 (UTC).")
    assert shown[1].effect == (
        "Without any unverified answer of that day, the CSAT of all teams would be 80.0% instead "
        "of 84.0%."
    )
    assert "12 unverified answers rated 1 to 3" in shown[2].noticed
    assert "the team would have no responses left" in shown[2].effect


def test_of_many_days_the_first_are_named():
    (shown,) = show_stuffing([suspicion(days=7)], TEAMS).shown
    assert shown.noticed.endswith("40 on 5 October 2026 and more on 2 other days.")
    assert "Usual is 12 a day" in shown.usual


def test_of_many_teams_the_first_are_shown():
    found = [suspicion(team=f"team_{number}") for number in range(MOST_SHOWN + 3)]
    shown = show_stuffing(found, TEAMS)
    assert (len(shown.shown), shown.more) == (MOST_SHOWN, 3)
    assert summarise_stuffing(found, TEAMS)[-1] == "  and 3 more of the kind"


def test_the_page_says_it_first_and_then_in_full():
    text = page(every_kind_of_suspicion())
    assert text.index("Unusual.") < text.index("At a glance")
    assert "Have a look before you use these numbers." in text
    assert "44 unverified answers rated 4 or 5" in text


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ((), "No team had unusually many unverified answers on a day"),
        (None, "is looked for only in reports from the survey’s own database"),
    ],
)
def test_the_page_says_that_nothing_was_found_or_that_nobody_looked(found, words):
    text = page(found)
    assert words in text
    assert "Unusual." not in text
    assert summarise_stuffing(found, TEAMS) == []


def test_a_terminal_gets_a_line_for_each():
    lines = summarise_stuffing(every_kind_of_suspicion()[:1], TEAMS)
    assert lines == [
        "Unusually many unverified answers; have a look at the report:",
        "  Session replay: 44 unverified answers rated 4 or 5 on 14 October 2026 and 38 on 15 "
        "October 2026.",
    ]
