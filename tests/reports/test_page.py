"""The report page: what it says, where it leads, and that hostile text stays text."""

import re
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest
from jinja2 import ChoiceLoader, DictLoader, Environment, PackageLoader

from pipeline.query import ReportQuery
from pipeline.report import ReportNumbers
from reports.environment import add_words, make_environment
from reports.links import FileLinks, Links
from reports.page import render_page, report_context
from reports.shown_comments import OPEN_PER_TEAM
from reports.shown_teams import OTHER_TEAMS
from survey.scale import RATINGS as SCALE
from survey.tickets import link_ticket
from survey.vocabulary import Trust
from tests.support.html_reader import Reader
from tests.support.report_numbers import (
    OCTOBER,
    OCTOBER_STANDS,
    RATINGS,
    WEB_LINKS,
    comment_row,
    comments_of,
    frame_of,
    full_numbers,
    make_numbers,
    quality,
    team_row,
)
from tests.support.settings import make_settings

HOSTILE = """<script>alert('x')</script><img src=x onerror="alert(1)">"""
BADLY = (10, 10, 10, 30, 40)


def render(numbers: ReportNumbers, links: Links | None = None, **settings: Any) -> str:
    return render_page(numbers, make_settings(**settings), links or FileLinks())


def read(numbers: ReportNumbers, links: Links | None = None, **settings: Any) -> Reader:
    return Reader(render(numbers, links, **settings))


def fallen(**changes: Any) -> ReportNumbers:
    """Surveys clearly fell; of all teams together nothing can be said."""
    return make_numbers(
        {"surveys": BADLY, "experiments": RATINGS},
        {"surveys": RATINGS, "experiments": RATINGS},
        {"surveys": "down"},
        **changes,
    )


class TestTheFirstScreen:
    def test_says_the_period_and_its_finding_first(self):
        text = read(fallen()).text
        assert text[text.index("Customer satisfaction, October 2026 Surveys") :].startswith(
            "Customer satisfaction, October 2026 Surveys fell 20.0 points; nothing else clearly"
            " moved. From the survey's own store, as of 8 November 2026, 00:00 (Europe/London)."
        )

    def test_leads_from_the_finding_to_the_teams_comments_which_stand_open(self):
        comments = comments_of(comment_row(team="experiments"), comment_row(team="surveys"))
        html = render(fallen(comments=comments))
        assert '<a href="#comments-2"><bdi>Surveys</bdi></a> fell' in html
        team = html.index('<details class="team" open>')
        assert html.index("<bdi>Surveys</bdi>", team) < html.index('id="comments-2"', team)
        assert html.count('<details class="team" open>') == 1

    def test_leads_to_the_table_where_the_team_has_no_comments(self):
        assert '<a href="#teams"><bdi>Surveys</bdi></a> fell' in render(fallen())

    def test_tells_score_interval_and_changes_in_words(self):
        numbers = make_numbers(
            {"surveys": BADLY}, {"surveys": RATINGS}, {"surveys": "down", "all": "down"}
        )
        against = numbers.teams.assign(previous_csat_pct=Decimal("71.23"), change_significant="no")
        text = read(replace(numbers, against_year=against)).text
        assert "CSAT, all teams 70.0% 95% interval 60.4 to 78.1" in text
        assert "Against September 2026 (90.0%) ▼ down 20.0 points, a clear change" in text
        assert "Against October 2025 (71.2%) no clear change (−1.2)" in text

    def test_says_why_there_is_no_response_rate(self):
        text = read(make_numbers()).text
        assert "Response rate not known: no invitation of October 2026 is on record" in text

    def test_chosen_ratings_have_no_response_rate(self):
        query = ReportQuery(OCTOBER, ratings=(5,))
        text = read(make_numbers(query=query)).text
        assert "Response rate none for chosen ratings or links: invitations have neither" in text

    def test_says_that_nobody_was_asked(self):
        rate = {"invitations": 0, "response_rate_pct": None}
        rows = [team_row("surveys", **rate), team_row("all", **rate)]
        assert "Response rate nobody was asked" in read(make_numbers(rows=rows)).text

    def test_tells_the_response_rate_once_invitations_are_known(self):
        rate = {"invitations": 400, "response_rate_pct": Decimal("25.00")}
        rows = [team_row("surveys", **rate), team_row("all", **rate)]
        text = read(make_numbers(rows=rows)).text
        assert "Response rate 25.0%" in text
        assert text.count("25.0% of 400 invited") == 2

    def test_tells_hedgehogs(self):
        assert "Hedgehogs fed 100" in read(make_numbers()).text

    def test_says_the_time_by_the_clock_of_the_reports(self):
        as_of = datetime(2026, 10, 20, 9, 5, tzinfo=UTC)
        text = read(make_numbers(as_of=as_of)).text
        assert "as of 20 October 2026, 10:05" in text

    @pytest.mark.parametrize(
        ("as_of", "says"),
        [
            (datetime(2026, 10, 31, 23, 59, tzinfo=UTC), "October 2026 is not over yet"),
            (datetime(2026, 11, 1, tzinfo=UTC), "may change an answer for 7 days"),
            (OCTOBER_STANDS - timedelta(microseconds=1), "stand from 8 November 2026, 00:00"),
            (OCTOBER_STANDS, None),
        ],
    )
    def test_is_provisional_until_the_last_answer_can_no_longer_change(self, as_of, says):
        text = read(make_numbers(as_of=as_of)).text
        assert ("Provisional." in text) == (says is not None)
        assert says is None or says in text

    def test_counts_the_edit_window_in_hours_across_a_change_of_the_clock(self):
        # New York leaves summer time on 1 November 2026: 168 hours end an hour earlier.
        numbers = make_numbers(as_of=datetime(2026, 11, 1, 12, tzinfo=UTC))
        text = read(numbers, timezone="America/New_York").text
        assert "stand from 7 November 2026, 23:00" in text


class TestTheTeams:
    def test_each_has_its_ratings_score_and_change_in_words(self):
        text = read(fallen()).text
        assert "Surveys 10 very dissatisfied 10 dissatisfied 10 neutral" in text
        assert "70.0% 60.4– to 78.1 Before 90.0% Change ▼ down 20.0 points, a clear change" in text
        assert "90.0% 82.6– to 94.5 Before 90.0% Change no clear change" in text

    def test_small_ones_stand_apart(self):
        numbers = make_numbers({"surveys": RATINGS, "experiments": (0, 0, 0, 1, 1)})
        text = read(numbers).text
        table = text[text.index("Every team in") : text.index("Teams stand in the order")]
        order = ["Surveys", "Under 10 responses", "Experiments", "too few responses", "All teams"]
        places = [table.index(words) for words in order]
        assert places == sorted(places)

    def test_misspelled_ones_say_what_was_meant(self):
        assert "Sesion replay likely Session replay, misspelled" in read(full_numbers()).text

    def test_silent_ones_are_named(self):
        text = read(make_numbers({"surveys": RATINGS, "experiments": (0,) * 5})).text
        assert "No responses: Experiments." in text

    def test_a_year_before_is_folded_below_where_there_was_one(self):
        words = "Each team against the same period a year before"
        assert words in read(full_numbers()).text
        assert words not in read(make_numbers()).text

    def test_more_than_are_shown_share_a_line(self):
        others = {f"other_{n:02}": (0, 0, 0, 0, 99) for n in range(OTHER_TEAMS)}
        numbers = make_numbers(
            others | {"small": (1, 0, 0, 0, 1)}, comments=comments_of(comment_row(team="small"))
        )
        text = read(numbers).text
        assert "One line, from pooled counts, is for 1 more team; teams.csv has every team" in text
        assert "Thank you! Small 14 October" in text


class TestTheTrendAndWhatMovedTheTotal:
    def test_the_trend_has_a_chart_for_each_team_and_a_table(self):
        page = read(full_numbers())
        labels = [label for label in page.all_of("aria-label") if label.startswith("CSAT of")]
        assert len(labels) == 10
        assert labels[0].startswith("CSAT of All teams over 13 periods.")
        assert "All teams together, period by period" in page.text
        assert "October 2025 Responses" in page.text

    def test_marks_are_named_beside_the_chart(self):
        text = read(full_numbers()).text
        assert "3 March 2026: An outage, <b>four</b> hours 21 September 2026: Insights 2.0" in text

    def test_what_moved_the_total_is_a_sentence_and_a_row_for_each_team(self):
        text = read(full_numbers()).text
        sentence = re.search(r"Of the (\S+) points, (\S+) come from the teams’ own scores", text)
        assert sentence is not None
        assert "Product analytics " in text[text.index("What moved the total") :]

    def test_without_a_period_before_nothing_moved_it(self):
        assert "What moved the total" not in read(make_numbers()).text


class TestWords:
    def test_each_leads_to_the_comments_that_hold_it(self):
        page = read(full_numbers(), WEB_LINKS)
        address = WEB_LINKS.responses("2026-10", None, None, phrase="nine days")
        assert address in page.all_of("href")
        assert "nine days 7 low, 1 other" in page.text

    def test_in_a_file_they_are_texts(self):
        html = render(full_numbers())
        assert '<strong dir="auto" lang="en">nine days</strong>' in html
        assert "&lt;b&gt;broken" in html


class TestComments:
    def test_have_face_words_date_language_and_ticket(self):
        comments = comments_of(comment_row(rating=2, language="de", link_trust="unverified"))
        page = read(make_numbers(comments=comments))
        assert (
            "Dissatisfied Thank you! 14 October German Ticket 4711 link not verified" in page.text
        )
        assert "2026-10-14T09:12:00+01:00" in page.all_of("datetime")

    def test_keep_their_lines_and_their_own_direction(self):
        html = render(make_numbers(comments=comments_of(comment_row(comment="  one\n\ntwo "))))
        assert '<span class="comment" dir="auto">  one\n\ntwo </span>' in html

    def test_long_ones_are_folded_without_a_script(self):
        long = comments_of(comment_row(comment="one\n" * 9))
        html = render(make_numbers(comments=long))
        assert '<details class="long always"><summary><span class="comment"' in html

    def test_a_jump_list_leads_to_each_team(self):
        comments = comments_of(comment_row(team="experiments"), comment_row(team="surveys"))
        page = read(fallen(comments=comments))
        assert {"#comments-1", "#comments-2"} <= set(page.all_of("href"))
        assert "Experiments 1 Surveys 1" in page.text

    def many(self) -> pd.DataFrame:
        return comments_of(*(comment_row(ticket_id=str(n)) for n in range(250)))

    def test_of_very_many_a_page_on_the_web_leads_to_all(self):
        numbers = make_numbers(comments=self.many())
        page = read(numbers, WEB_LINKS)
        assert page.all_of("class").count("rated") == OPEN_PER_TEAM
        assert "All 250 comments of Surveys" in page.text
        address = WEB_LINKS.responses("2026-10", "surveys", None, commented=True)
        assert address in page.all_of("href")

    def test_of_very_many_a_file_holds_200(self):
        page = read(make_numbers(comments=self.many()))
        assert page.all_of("class").count("rated") == 200
        assert "180 more comments" in page.text
        assert "These are 200 of 250; comments.csv has all." in page.text

    def test_a_ticket_is_a_link_where_the_settings_say_how(self):
        comments = comments_of(comment_row(ticket_id='a/b?"<x>'))
        pattern = "https://help.example.com/tickets/{ticket_id}"
        hrefs = read(make_numbers(comments=comments), ticket_url=pattern).all_of("href")
        assert "https://help.example.com/tickets/a%2Fb%3F%22%3Cx%3E" in hrefs

    @pytest.mark.parametrize("pattern", [None, "javascript:alert({ticket_id})", "//x/{ticket_id}"])
    def test_only_web_addresses_become_links(self, pattern):
        assert link_ticket("1", pattern) is None


class TestHostileTexts:
    @pytest.mark.parametrize("where", ["comment", "ticket_id", "language"])
    def test_in_a_comment_are_only_ever_texts(self, where):
        comments = comments_of(comment_row(**{where: HOSTILE}))
        page = read(make_numbers(comments=comments))
        assert {"script", "img"}.isdisjoint(page.tags)
        assert page.text.count(HOSTILE) == 1

    def test_in_a_teams_name_are_only_ever_texts(self):
        page = read(fallen(), teams=f"surveys={HOSTILE}")
        assert {"script", "img"}.isdisjoint(page.tags)
        assert HOSTILE in page.text

    def test_in_marks_words_and_sources_are_only_ever_texts(self):
        numbers = replace(full_numbers(), source=HOSTILE)
        page = read(numbers)
        assert {"script", "img", "b"}.isdisjoint(page.tags)


class TestTheDocument:
    def test_asks_nothing_of_anyone_else(self):
        comments = comments_of(comment_row(comment="see https://evil.example.com"))
        page = read(replace(full_numbers(), comments=comments))
        assert all(href.startswith("#") for href in page.all_of("href"))
        assert page.all_of("src") == page.all_of("xlink:href") == page.all_of("style") == []
        assert {"script", "link", "iframe", "img", "form"}.isdisjoint(page.tags)

    @pytest.mark.parametrize("links", [FileLinks(), WEB_LINKS])
    def test_every_place_that_is_pointed_at_is_there_once(self, links):
        page = read(full_numbers(), links)
        ids = page.all_of("id")
        assert len(ids) == len(set(ids))
        places = {href[1:] for href in page.all_of("href") if href.startswith("#")}
        assert {*page.all_of("aria-labelledby"), *places} <= set(ids)
        assert places >= {f"what-{each}" for each in ("csat", "interval", "change", "limits")}

    def test_every_table_has_a_caption_and_every_header_a_scope(self):
        page = read(full_numbers())
        assert page.tags.count("caption") == page.tags.count("table") == 13
        assert len(page.all_of("scope")) == page.tags.count("th")

    def test_the_same_numbers_make_the_same_page(self):
        assert render(full_numbers()) == render(full_numbers())

    def test_the_faces_are_those_of_the_survey_and_tell_the_ends_apart(self):
        def parts(face: Any) -> str:
            return str(face).partition('r="20"/>')[2]

        survey: Any = Environment(loader=PackageLoader("survey")).get_template("faces.html").module
        ours: Any = make_environment(make_settings()).get_template("_macros.html").module
        drawn = [parts(survey.face(rating)) for rating in SCALE]
        assert [parts(ours.face(rating)) for rating in SCALE] == drawn
        # A dark, open mouth at both ends; a brow at the unhappy one.
        assert ["fill=" in face for face in drawn] == [True, False, False, False, True]
        assert ["M12 16" in face for face in drawn] == [True, False, False, False, False]

    def test_is_made_quickly_of_very_many_comments(self):
        teams = [f"team_{n}" for n in range(10)]
        comments = comments_of(
            *(comment_row(ticket_id=str(n), team=teams[n % 10]) for n in range(12_000))
        )
        numbers = make_numbers(dict.fromkeys(teams, RATINGS), comments=comments)
        render(numbers)
        began = time.process_time()
        render(numbers)
        # 0.3 s on a machine with nothing else to do.
        assert time.process_time() - began < 1.5


class TestOnTheWeb:
    def page(self, numbers: ReportNumbers | None = None) -> Reader:
        """The part of the site's page that is the report."""
        settings = make_settings()
        whole = {"whole.html": '{% include "_report.html" %}'}
        templates = [DictLoader(whole), PackageLoader("reports")]
        environment = Environment(loader=ChoiceLoader(templates), autoescape=True)
        add_words(environment, settings)
        context = report_context(numbers or full_numbers(), settings, WEB_LINKS)
        return Reader(environment.get_template("whole.html").render(context))

    def test_says_what_the_file_says(self):
        text = self.page().text
        assert "Product analytics fell 26.7 points; nothing else clearly moved." in text
        assert "link not verified" in text

    def test_every_bar_leads_to_the_responses_behind_it(self):
        hrefs = self.page().all_of("href")
        for rating in SCALE:
            assert WEB_LINKS.responses("2026-10", "surveys", rating) in hrefs
            assert WEB_LINKS.responses("2026-10", None, rating) in hrefs

    def test_other_periods_and_files_are_one_click_away(self):
        hrefs = set(self.page().all_of("href"))
        assert {f"/reports/{period}" for period in OCTOBER.up_to(13)} <= hrefs
        for name in ("teams", "trend", "drivers", "comments", "quality"):
            for ending in ("csv", "xlsx", "parquet"):
                assert f"/reports/2026-10/{name}.{ending}" in hrefs

    def test_a_filter_is_said_and_leaves_the_quality_table_alone(self):
        query = ReportQuery(OCTOBER, teams=("surveys",), trusts=(Trust.KNOWN, Trust.SIGNED))
        text = self.page(make_numbers(query=query, quality=quality(500))).text
        assert "Filtered. Only responses of Surveys, by known tickets or signed links." in text
        assert "What became of the answers of October 2026, unfiltered" in text
        assert "The sums tie" in text

    def test_chosen_ratings_have_counts_and_no_shares(self):
        blank = dict.fromkeys(
            ("csat_pct", "csat_low", "csat_high", "mean_rating", "previous_csat_pct", "change_pp")
        )
        rows = [
            team_row(each, (7, 5, 0, 0, 0), **blank, verdict=None) for each in ("surveys", "all")
        ]
        query = ReportQuery(OCTOBER, ratings=(1, 2))
        numbers = make_numbers(rows=rows, query=query, trend=frame_of(rows, rows[0]))
        text = self.page(numbers).text
        assert "12 responses with the chosen ratings in October 2026." in text
        assert "Shares and changes need all ratings, so there are none here." in text
        assert "No share Of chosen ratings alone there is no share." in text
        assert "None" not in text


def test_an_empty_month_says_so_and_shows_dashes():
    empty = (0,) * 5
    page = read(make_numbers({"surveys": empty}, {"surveys": empty}))
    assert "No responses in October 2026." in page.text
    assert "No responses Without responses there is no score" in page.text
    assert "No team had responses in October 2026." in page.text
    assert "No comments in October 2026." in page.text
    assert "None" not in page.text
    assert "nan" not in page.text.lower().split()


def test_the_quality_table_explains_every_reason_and_that_the_sums_tie():
    text = read(make_numbers(quality=quality(100, edit=7, duplicate=3, test=2))).text
    assert "The same answer, received once more duplicate −minus 3" in text
    assert "The sums tie: 112 received = 100 responses + 7 edits + 5 left out." in text


@pytest.mark.parametrize("wrong", [quality(99), quality(100).iloc[1:]])
def test_sums_that_do_not_tie_are_said_loudly(wrong):
    assert "The sums do not tie." in read(make_numbers(quality=wrong)).text


def donation(**changes: Any) -> pd.DataFrame:
    line = {"month": "2026-10", "responses": 100, "adjustments": 0, "hedgehogs": 100}
    line |= {"amount": None, "currency": None, "charity": None, "status": "open"}
    return pd.DataFrame([line | changes])


def test_the_donation_line_tells_hedgehogs_and_status():
    assert "100 hedgehogs. Status: open." in read(make_numbers(donations=donation())).text


def test_a_closed_donation_tells_amount_charity_and_adjustments():
    line = donation(
        adjustments=-2, hedgehogs=98, amount=Decimal("1049.00"), currency="GBP",
        charity="<b>Hogs</b>", status="closed",
    )  # fmt: skip
    text = read(make_numbers(donations=line)).text
    assert "98 hedgehogs (100 of this month, −2 to set earlier months right)" in text
    assert "GBP 1,049.00 for <b>Hogs</b>. Status: closed." in text


def test_a_source_that_is_not_the_store_has_no_donation_line():
    assert "Donation" not in read(make_numbers()).text
