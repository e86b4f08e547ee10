import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from html.parser import HTMLParser
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from jinja2 import Environment, PackageLoader

from pipeline.monthly import MonthlyNumbers
from reports.page import _environment as page_environment
from reports.page import describe_change, describe_duration, link_ticket, render_page
from reports.shown_comments import COMMENTS_PER_TEAM
from reports.shown_teams import OTHER_TEAMS
from survey.months import Month
from survey.scale import RATINGS
from survey.settings import Settings

LONDON = ZoneInfo("Europe/London")
OCTOBER_STANDS = datetime(2026, 11, 8, tzinfo=UTC)
HOSTILE = """<script>alert('x')</script><img src=x onerror="alert(1)">"""
EMPTY = ("csat_pct", "csat_low", "csat_high", "mean_rating", "previous_csat_pct", "change_pp")
REASONS = ("duplicate", "no_ticket", "test")


class Reader(HTMLParser):
    """What a browser would find on the page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.data: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(key, value or "") for key, value in attrs]

    def handle_data(self, data: str) -> None:
        self.data.append(data)

    def handle_endtag(self, tag: str) -> None:
        # What stands in a box of its own is not read as one word with its neighbour.
        if tag in ("td", "th", "dt", "dd", "p", "h3", "li"):
            self.data.append(" ")

    @property
    def text(self) -> str:
        return " ".join("".join(self.data).split())

    def all_of(self, name: str) -> list[str]:
        return [value for key, value in self.attributes if key == name]


def team_row(team: str, **changes: Any) -> dict[str, Any]:
    row = {
        "month": "2026-10", "team": team, "responses": 100, "satisfied": 90,
        "csat_pct": Decimal("90.00"), "csat_low": Decimal("82.56"), "csat_high": Decimal("94.48"),
        "mean_rating": Decimal("4.321"),
        "rating_1": 2, "rating_2": 3, "rating_3": 5, "rating_4": 30, "rating_5": 60, "comments": 1,
        "invitations": None, "response_rate_pct": None,
        "previous_csat_pct": Decimal("86.79"), "change_pp": Decimal("3.21"),
        "change_significant": "no",
    }  # fmt: skip
    return row | changes


def empty_row(team: str) -> dict[str, Any]:
    counts = ("responses", "satisfied", "comments", *(f"rating_{n}" for n in range(1, 6)))
    return team_row(team, change_significant=None) | dict.fromkeys(EMPTY) | dict.fromkeys(counts, 0)


def comment_row(**changes: Any) -> dict[str, Any]:
    at = pd.Timestamp("2026-10-14 09:12", tz=LONDON)
    row = {"ticket_id": "4711", "team": "surveys", "rating": 5, "comment": "Thank you!"}
    return row | {"answered_at": at, "link_trust": "known"} | changes


def quality(response: int, **answers: int) -> pd.DataFrame:
    counts = {"response": response, "edit": 0} | dict.fromkeys(REASONS, 0) | answers
    counts = {"received": sum(counts.values())} | counts
    return pd.DataFrame({"reason": list(counts), "answers": list(counts.values())})


def make_numbers(**changes: Any) -> MonthlyNumbers:
    rows = changes.pop("rows", [team_row("surveys"), team_row("all")])
    teams = pd.DataFrame(rows)
    parts: dict[str, Any] = {
        "month": Month(2026, 10),
        "source": "the survey's own store",
        "as_of": OCTOBER_STANDS,
        "teams": teams,
        "counts": pd.DataFrame({"month": [], "team": [], "rating": [], "responses": []}),
        "trend": teams,
        "comments": pd.DataFrame([comment_row()]).iloc[:0],
        "quality": quality(rows[-1]["responses"]),
        "donations": None,
    }
    return MonthlyNumbers(**(parts | changes))


def make_settings(**changes: Any) -> Settings:
    return Settings(_env_file=None, **changes)


def read(numbers: MonthlyNumbers, **settings: Any) -> Reader:
    return Reader(render_page(numbers, make_settings(**settings)))


def test_the_page_says_which_month_from_where_and_as_of_when_in_the_reports_time_zone() -> None:
    as_of = datetime(2026, 10, 20, 9, 5, tzinfo=UTC)
    text = read(make_numbers(as_of=as_of)).text
    assert "October 2026 From the survey's own store, as of 20 October 2026, 10:05" in text


def test_the_headline_tells_score_interval_count_and_change_in_words() -> None:
    row = team_row("all", change_significant="up")
    text = read(make_numbers(rows=[team_row("surveys"), row])).text
    assert "90.00% 95% interval 82.56 to 94.48, from 100 responses" in text
    assert "Against September 2026 (86.79%): ▲ up 3.21 points, a clear change" in text
    assert "Mean rating, of 5 4.321" in text
    assert "Hedgehogs fed 100" in text


@pytest.mark.parametrize(
    ("significant", "responses", "words"),
    [
        ("up", 100, "up 3.21 points, a clear change"),
        ("down", 100, "down 3.21 points, a clear change"),
        ("no", 100, "no clear change"),
        (None, 100, "too few responses to compare"),
        ("up", 9, "too few responses to compare"),
        (None, 0, ""),
    ],
)
def test_a_change_in_words(significant: str | None, responses: int, words: str) -> None:
    points = Decimal("-3.21") if significant == "down" else Decimal("3.21")
    row = {"change_significant": significant, "responses": responses, "change_pp": points}
    assert describe_change(row) == words


@pytest.mark.parametrize(
    ("as_of", "says"),
    [
        (datetime(2026, 10, 31, 23, 59, tzinfo=UTC), "October 2026 is not over yet"),
        (datetime(2026, 11, 1, tzinfo=UTC), "may change an answer for 7 days"),
        (OCTOBER_STANDS - timedelta(microseconds=1), "stand from 8 November 2026, 00:00"),
        (OCTOBER_STANDS, None),
    ],
)
def test_numbers_are_provisional_until_the_last_answer_can_no_longer_change(
    as_of: datetime, says: str | None
) -> None:
    text = read(make_numbers(as_of=as_of)).text
    assert ("Provisional." in text) == (says is not None)
    assert says is None or says in text


def test_the_edit_window_is_counted_in_hours_across_a_change_of_the_clock() -> None:
    # New York leaves summer time on 1 November 2026: 168 hours end an hour earlier by the clock.
    numbers = make_numbers(as_of=datetime(2026, 11, 1, 12, tzinfo=UTC))
    assert "stand from 7 November 2026, 23:00" in read(numbers, timezone="America/New_York").text


def test_a_hostile_comment_is_only_ever_a_text() -> None:
    comments = pd.DataFrame([comment_row(comment=HOSTILE, ticket_id=HOSTILE)])
    page = read(make_numbers(comments=comments))
    assert {"script", "img"}.isdisjoint(page.tags)
    assert page.text.count(HOSTILE) == 2


def test_a_hostile_team_name_is_only_ever_a_text() -> None:
    page = read(make_numbers(), teams=f"surveys={HOSTILE}")
    assert {"script", "img"}.isdisjoint(page.tags)
    assert HOSTILE in page.text


def test_a_comment_keeps_its_lines_and_its_own_direction() -> None:
    comments = pd.DataFrame([comment_row(comment="  one\n\ntwo ")])
    html = render_page(make_numbers(comments=comments), make_settings())
    assert '<p class="comment" dir="auto">  one\n\ntwo </p>' in html


def test_a_comment_comes_with_face_words_team_date_and_ticket() -> None:
    comments = pd.DataFrame([comment_row(rating=2), comment_row(link_trust="unverified")])
    page = read(make_numbers(comments=comments))
    assert "Surveys 2 Dissatisfied Thank you! 14 October Ticket 4711" in page.text
    assert page.text.count("link not verified") == 1
    assert "2026-10-14T09:12:00+01:00" in page.all_of("datetime")


def test_of_very_many_comments_the_unhappiest_and_newest_are_shown_and_the_rest_is_named() -> None:
    day = pd.Timestamp("2026-10-01", tz=LONDON)
    comments = pd.DataFrame(
        [
            comment_row(
                ticket_id=str(i),
                rating=1 if i % 10 == 0 else 5,
                comment=f"number {i}.",
                answered_at=day + timedelta(minutes=i),
            )
            for i in range(3000)
        ]
    )
    page = read(make_numbers(comments=comments))
    shown = re.findall(r"number (\d+)\.", page.text)
    assert len(shown) == COMMENTS_PER_TEAM == 200
    # Of 300 unhappy ones the newest 200, in the order in which they came.
    assert [int(i) for i in shown] == list(range(1000, 3000, 10))
    assert "Surveys 3,000 The 200 with the lowest ratings, the newest of equal ones." in page.text
    assert "comments.csv has all 3,000." in page.text

    few = read(make_numbers(comments=comments.head(200)))
    assert len(re.findall(r"number \d+\.", few.text)) == 200
    assert "comments.csv has all" not in few.text


def test_a_ticket_is_a_link_where_the_settings_say_how() -> None:
    comments = pd.DataFrame([comment_row(ticket_id='a/b?"<x>')])
    pattern = "https://help.example.com/tickets/{ticket_id}"
    hrefs = read(make_numbers(comments=comments), ticket_url=pattern).all_of("href")
    assert "https://help.example.com/tickets/a%2Fb%3F%22%3Cx%3E" in hrefs


@pytest.mark.parametrize("pattern", [None, "javascript:alert({ticket_id})", "//x/{ticket_id}"])
def test_only_web_addresses_become_links(pattern: str | None) -> None:
    assert link_ticket("1", pattern) is None


def test_the_page_asks_nothing_of_anyone_else() -> None:
    comments = pd.DataFrame([comment_row(comment="see https://evil.example.com")])
    page = read(make_numbers(comments=comments))
    assert all(href.startswith("#") for href in page.all_of("href"))
    assert page.all_of("src") == page.all_of("xlink:href") == []
    assert {"script", "link", "iframe", "img", "form"}.isdisjoint(page.tags)


def test_every_place_in_the_page_that_is_pointed_at_is_there_once() -> None:
    page = read(make_numbers(comments=pd.DataFrame([comment_row()])))
    ids = page.all_of("id")
    assert len(ids) == len(set(ids))
    assert {*page.all_of("aria-labelledby"), *(h[1:] for h in page.all_of("href"))} <= set(ids)


def test_both_charts_name_what_they_show() -> None:
    page = read(make_numbers())
    labels = [label for label in page.all_of("aria-label") if "CSAT" in label]
    assert "Surveys: 90.00%" in labels[0]
    assert "Oct 2026: 90.00%" in labels[1]


def test_every_table_has_a_caption_and_every_header_a_scope() -> None:
    page = read(make_numbers())
    assert page.tags.count("caption") == page.tags.count("table") == 3
    assert len(page.all_of("scope")) == page.tags.count("th")


def test_invitations_are_shown_only_where_they_are_known() -> None:
    assert "Invitations" not in read(make_numbers()).text
    known = team_row("surveys", invitations=400, response_rate_pct=Decimal("25.00"))
    text = read(make_numbers(rows=[known, team_row("all")])).text
    assert "Invitations Response rate" in text
    assert "400 25.00%" in text
    assert "–not known" in text


def test_an_empty_month_says_so_and_shows_dashes() -> None:
    page = read(make_numbers(rows=[empty_row("surveys"), empty_row("all")]))
    assert "No responses Without responses there is no score" in page.text
    assert "No team had responses in October 2026." in page.text
    assert "No comments in October 2026." in page.text
    assert "–no responses" in page.text
    assert "None" not in page.text
    assert "nan" not in page.text.lower().split()


def test_blank_numbers_may_come_as_nan_too() -> None:
    blank = empty_row("all") | dict.fromkeys(EMPTY, float("nan"))
    assert "nan" not in read(make_numbers(rows=[blank])).text.lower().split()


def test_the_quality_table_explains_every_reason_and_that_the_sums_tie() -> None:
    text = read(make_numbers(quality=quality(100, edit=7, duplicate=3, test=2))).text
    assert "The same answer, received once more duplicate −minus 3" in text
    assert "The sums tie: 112 received = 100 responses + 7 edits + 5 left out." in text


@pytest.mark.parametrize("wrong", [quality(99), quality(100).replace(100, 100).iloc[1:]])
def test_sums_that_do_not_tie_are_said_loudly(wrong: pd.DataFrame) -> None:
    assert "The sums do not tie." in read(make_numbers(quality=wrong)).text


def donation(**changes: Any) -> pd.DataFrame:
    line = {"month": "2026-10", "responses": 100, "adjustments": 0, "hedgehogs": 100}
    line |= {"amount": None, "currency": None, "charity": None, "status": "open"}
    return pd.DataFrame([line | changes])


def test_the_donation_line_tells_hedgehogs_and_status() -> None:
    assert "100 hedgehogs. Status: open." in read(make_numbers(donations=donation())).text


def test_a_closed_donation_tells_amount_charity_and_adjustments() -> None:
    line = donation(
        adjustments=-2, hedgehogs=98, amount=Decimal("1049.00"), currency="GBP",
        charity="<b>Hogs</b>", status="closed",
    )  # fmt: skip
    text = read(make_numbers(donations=line)).text
    assert "98 hedgehogs (100 of this month, −2 to set earlier months right)" in text
    assert "GBP 1,049.00 for <b>Hogs</b>. Status: closed." in text


def test_a_source_that_is_not_the_store_has_no_donation_line() -> None:
    assert "Donation" not in read(make_numbers()).text


def test_the_same_numbers_make_the_same_page() -> None:
    numbers, settings = make_numbers(), make_settings()
    assert render_page(numbers, settings) == render_page(numbers, settings)


@pytest.mark.parametrize(
    ("duration", "words"),
    [
        (timedelta(days=7), "7 days"),
        (timedelta(hours=24), "1 day"),
        (timedelta(hours=36), "36 hours"),
        (timedelta(minutes=30), "30 minutes"),
        (timedelta(seconds=45), "45 seconds"),
    ],
)
def test_a_duration_in_words(duration: timedelta, words: str) -> None:
    assert describe_duration(duration) == words


def test_a_team_more_than_are_shown_shares_a_line_of_pooled_counts() -> None:
    others = [team_row(f"other_{n}", responses=100 - n) for n in range(OTHER_TEAMS)]
    few = {"responses": 2, "satisfied": 1, "rating_1": 1, "rating_2": 0, "rating_3": 0}
    small = team_row("small", **few, rating_4=0, rating_5=1, change_significant="up")
    everything = [*others, small, team_row("surveys"), team_row("all")]
    numbers = make_numbers(rows=everything, comments=pd.DataFrame([comment_row(team="small")]))
    text = read(numbers).text
    assert "1 more team 2 50.00% 9.45– to 90.55 1 0 0 0 1 1 from 1 more team –not compared" in text
    assert "One line, from pooled counts, is for 1 more team; teams.csv has every team." in text
    assert "Thank you! Small 14 October" in text
    assert "more team" not in read(make_numbers(rows=[*others, team_row("all")])).text


def test_the_faces_are_those_of_the_survey_and_tell_the_ends_apart() -> None:
    def parts(face: Any) -> str:
        return str(face).partition('r="20"/>')[2]

    survey = Environment(loader=PackageLoader("survey")).get_template("faces.html").module
    ours = page_environment(make_settings()).get_template("_macros.html").module
    drawn = [parts(survey.face(rating)) for rating in RATINGS]  # type: ignore[attr-defined]
    assert [parts(ours.face(rating)) for rating in RATINGS] == drawn  # type: ignore[attr-defined]
    # A dark, open mouth at both ends; a brow at the unhappy one.
    assert ["fill=" in face for face in drawn] == [True, False, False, False, True]
    assert ["M12 16" in face for face in drawn] == [True, False, False, False, False]
