"""The hedgehogs that responses feed: a number on the thank-you page, the months for everybody."""

import csv
import io
import re
from datetime import UTC, datetime

import pytest
from sqlalchemy import bindparam, event, text, update

from survey.hedgehogs import KEEP_CURRENT, KEEP_PAST, SHOWN_MONTHS, HedgehogCounts
from survey.languages import LANGUAGES
from survey.months import Month
from survey.site.app import create_app
from survey.site.hedgehogs import measure_bars
from survey.store.errors import StoreError
from survey.store.ledger import append_entries
from survey.store.models import ResponseRow
from survey.store.voids import void_ticket
from tests.conftest import on_sqlite
from tests.support.browser import served
from tests.support.command import run_csat
from tests.support.donations import AUGUST, JULY, NOVEMBER_THIRD, SEPTEMBER, Donations
from tests.support.fonts import use_font
from tests.support.ledger_entries import a_rate
from tests.support.pages import Page, address
from tests.support.settings import make_settings

JUNE = Month(2026, 6)


def submit(client, url=None, **fields):
    """Send the form as a browser does; the text of the thanks."""
    page = Page(client.get(url or address()).text)
    sent = client.post(page.action, data={**page.fields, "rating": "5", **fields})
    return Page(client.get(sent.headers["Location"]).text)


def months(client):
    listed = client.get("/hedgehogs.json").get_json()["months"]
    return {entry["month"]: entry["hedgehogs"] for entry in listed}


class TestThanks:
    def test_name_the_number_of_the_tickets_own_hedgehog(self, client, clock):
        clock.advance(days=-30)
        submit(client, address(ticketId="1"))
        clock.advance(days=30)
        submit(client, address(ticketId="2"))
        clock.advance(seconds=1)
        thanks = submit(client, address(ticketId="3"), rating="1")
        assert "Yours is hedgehog number 2 of this month." in thanks.text

    def test_keep_the_number_of_a_changed_answer(self, client, clock):
        for ticket in "123":
            submit(client, address(ticketId=ticket))
            clock.advance(seconds=1)
        assert "hedgehog number 2 of this month" in submit(client, address(ticketId="2")).text

    def test_name_the_month_of_an_answer_that_is_changed_in_the_next(self, client, clock):
        clock.time = datetime(2026, 10, 31, 12, tzinfo=UTC)
        submit(client)
        clock.advance(days=2)
        assert "hedgehog number 1 of October 2026" in submit(client, rating="1").text

    def test_number_two_answers_of_one_moment_apart(self, client):
        texts = [submit(client, address(ticketId=ticket)).text for ticket in "12"]
        assert ["number 1 of" in texts[0], "number 2 of" in texts[1]] == [True, True]

    def test_tell_a_stranger_only_how_many_were_fed(self, client):
        submit(client)
        thanks = submit(client, address(distinct_id="eve"))
        assert "1 hedgehog has been fed this month." in thanks.text
        assert "Yours" not in thanks.text

    def test_lead_to_all_hedgehogs_and_to_the_charity(self, database, clock):
        settings = make_settings(
            charity_name="Hedgehog <Rescue>", charity_url="https://hedgehogs.example/"
        )
        thanks = submit(create_app(settings, database, clock).test_client())
        assert "They are fed by Hedgehog <Rescue>." in thanks.text
        assert "https://hedgehogs.example" in thanks.links
        assert "/hedgehogs?lang=en" in thanks.links

    def test_name_the_charity_of_the_ledger_before_that_of_the_settings(self, database, clock):
        settings = make_settings(charity_name="Old", charity_url="https://old.example/")
        client = create_app(settings, database, clock).test_client()
        rate = a_rate(JULY, "0.50", charity="Hedgehog Rescue")
        with database.writing() as connection:
            append_entries(database, connection, [(rate, None)])
        for page in (submit(client), Page(client.get("/hedgehogs").text)):
            assert "They are fed by Hedgehog Rescue." in page.text
            assert "https://old.example" not in page.links

    def test_name_no_charity_where_none_is_set(self, client):
        assert "fed by" not in submit(client).text

    def test_do_without_a_number_while_the_store_cannot_be_read(self, client, database):
        page = Page(client.get(address()).text)
        sent = client.post(page.action, data={**page.fields, "rating": "5"})
        with database.writing() as connection:
            connection.execute(text("alter table responses rename to gone"))
        assert client.get(sent.headers["Location"]).status_code == 200


class TestMonths:
    def test_are_those_of_the_reports(self, settings, database, tmp_path, clock):
        settings = settings.model_copy(update={"test_distinct_ids": frozenset({"tess"})})
        client = create_app(settings, database, clock).test_client()
        clock.time = datetime(2026, 8, 31, 22, 59, 59, tzinfo=UTC)  # August in London, still
        submit(client, address(ticketId="1"))
        clock.time = datetime(2026, 8, 31, 23, 0, tzinfo=UTC)  # September
        submit(client, address(ticketId="2"))
        submit(client, address(ticketId="3", distinct_id="tess"))
        submit(client, address(ticketId="4"))
        submit(client, address(ticketId="5"))
        clock.advance(days=2)
        submit(client, address(ticketId="2"), rating="1")
        submit(client, address(ticketId="2", distinct_id="eve"))
        with database.writing() as connection:
            void_ticket(connection, "4", "answered by the agent", clock())
        clock.time = datetime(2026, 11, 1, 0, 0, tzinfo=UTC)  # nobody answered in October
        submit(client, address(ticketId="6"))
        shown = months(client)
        assert shown == {"2026-08": 1, "2026-09": 2, "2026-10": 0, "2026-11": 1}
        done = run_csat(
            *("report", "--month", "2026-11", "--out", str(tmp_path / "report")),
            CSAT_DATABASE_URL=settings.database_url,
            CSAT_TEST_DISTINCT_IDS="tess",
        )
        assert done.returncode == 0, done.stderr
        trend = csv.DictReader(io.StringIO((tmp_path / "report/trend.csv").read_text()))
        reported = {row["month"]: int(row["responses"]) for row in trend if row["team"] == "all"}
        assert {month: count for month, count in reported.items() if month >= "2026-08"} == shown

    def test_are_listed_for_programs(self, client, clock):
        submit(client)
        response = client.get("/hedgehogs.json")
        assert response.headers["Cache-Control"] == "public, max-age=60"
        assert response.headers["Content-Type"] == "application/json"
        assert response.get_json() == {
            "timezone": "Europe/London",
            "as_of": "2026-10-14T09:30:00Z",
            "total": 1,
            "closed": 0,
            "running": 1,
            "unsettled": 0,
            "earlier": 0,
            "months": [{"month": "2026-10", "hedgehogs": 1, "status": "open"}],
        }

    def test_are_shown_in_a_table_newest_first(self, client, clock):
        clock.advance(days=-31)
        submit(client, address(ticketId="1"))
        clock.advance(days=31)
        submit(client, address(ticketId="2"))
        response = client.get("/hedgehogs")
        shown = " ".join(Page(response.text).text.split())
        assert "October 2026 so far1 September 20261 All together2" in shown
        assert response.text.count("<rect") == 2
        assert response.headers["Cache-Control"] == "no-store"

    def test_are_so_many_by_name_and_the_earlier_ones_together(self, client, clock):
        for ticket in "12":
            submit(client, address(ticketId=ticket))
        clock.advance(days=365 * 11)
        submit(client, address(ticketId="3"))
        response = client.get("/hedgehogs?lang=de")
        shown = " ".join(Page(response.text).text.split())
        assert response.text.count("<tr>") == 1 + SHOWN_MONTHS + 1 + 1
        assert "Frühere Monate2 Insgesamt3" in shown
        listed = client.get("/hedgehogs.json").get_json()
        assert (len(listed["months"]), listed["earlier"], listed["total"]) == (SHOWN_MONTHS, 2, 3)
        assert listed["months"][-1] == {"month": "2037-10", "hedgehogs": 1, "status": "open"}

    def test_begin_with_this_month_where_nobody_has_answered(self, client):
        assert months(client) == {"2026-10": 0}
        assert "0 hedgehogs fed" in Page(client.get("/hedgehogs").text).text

    @pytest.mark.parametrize("path", ["/hedgehogs", "/hedgehogs.json"])
    def test_need_no_link_and_are_only_looked_at(self, client, path):
        assert client.head(path).status_code == 200
        assert client.post(path).status_code == 405

    def test_cannot_be_shown_before_the_store_can_be_read(self, client, database):
        with database.writing() as connection:
            connection.execute(text("alter table responses rename to gone"))
        response = client.get("/hedgehogs")
        assert response.status_code == 503
        assert "come back in a minute" in response.text


@on_sqlite
class TestClosedMonths:
    @pytest.fixture
    def donations(self, database, settings, clock):
        """A ledger whose months up to August are closed, July being the first; it is November."""
        clock.time = NOVEMBER_THIRD
        donations = Donations(database, settings)
        for month, responses in ((JUNE, 5), (JULY, 4), (AUGUST, 3), (SEPTEMBER, 2)):
            donations.respond(month, responses)
        donations.set_rate(JULY)
        donations.close(JULY)
        donations.close(AUGUST)
        return donations

    @pytest.fixture
    def listed(self, client, donations):
        """A function that asks for the numbers, when those asked for before are old; they add
        up."""

        def listed():
            donations.now += KEEP_PAST
            client.application.clock.time = donations.now
            found = client.get("/hedgehogs.json").get_json()
            by_month = found["earlier"] + sum(each["hedgehogs"] for each in found["months"])
            assert found["closed"] + found["running"] == by_month
            assert by_month + found["unsettled"] == found["total"]
            return found

        return listed

    def test_are_told_from_open_ones(self, listed):
        found = listed()
        assert [(each["month"], each["status"]) for each in found["months"]] == [
            ("2026-06", "open"),
            *(("2026-07", "closed"), ("2026-08", "closed")),
            *(("2026-09", "open"), ("2026-10", "open"), ("2026-11", "open")),
        ]
        assert (found["closed"], found["running"], found["total"]) == (7, 7, 14)

    def test_keep_their_number_whatever_changes(self, listed, donations, client):
        donations.void("T-2026-07-1")
        donations.respond(AUGUST, 2, prefix="late")
        found = listed()
        shown = {each["month"]: each["hedgehogs"] for each in found["months"]}
        assert (shown["2026-07"], shown["2026-08"]) == (4, 3)
        assert (found["closed"], found["running"]) == (7, 7)
        assert (found["unsettled"], found["total"]) == (1, 15)

    def test_have_the_adjustments_that_are_posted_in_them(self, listed, donations):
        donations.void("T-2026-07-1")
        donations.void("T-2026-08-1")
        assert listed()["unsettled"] == -2
        donations.close(SEPTEMBER)
        found = listed()
        shown = {each["month"]: each["hedgehogs"] for each in found["months"]}
        assert (shown["2026-07"], shown["2026-08"], shown["2026-09"]) == (4, 3, 0)
        assert (found["closed"], found["running"]) == (7, 5)
        assert (found["unsettled"], found["total"]) == (0, 12)

    def test_leave_months_before_the_first_close_as_they_are_counted_now(self, listed, donations):
        donations.void("T-2026-06-1")
        found = listed()
        assert found["months"][0] == {"month": "2026-06", "hedgehogs": 4, "status": "open"}
        assert (found["running"], found["unsettled"]) == (6, 0)

    def test_are_listed_also_where_nobody_has_answered(self, database, settings, clock, client):
        clock.time = NOVEMBER_THIRD
        donations = Donations(database, settings)
        donations.set_rate(AUGUST)
        donations.close(AUGUST)
        listed = client.get("/hedgehogs.json").get_json()["months"]
        assert [each["month"] for each in listed] == ["2026-08", "2026-09", "2026-10", "2026-11"]

    def test_say_so_in_a_word_and_add_up(self, client, donations):
        donations.void("T-2026-07-1")
        shown = " ".join(Page(client.get("/hedgehogs").text).text.split())
        assert "November 2026 so far0" in shown
        assert "September 20262 August 2026 closed3 July 2026 closed4 June 20265" in shown
        assert (
            "All closed months7 All other months so far7 Changes not settled yet-1 All together13"
        ) in shown
        assert "A closed month keeps its number." in shown

    def test_change_nothing_on_the_page_before_there_are_any(self, client, fill):
        fill(1)
        shown = client.get("/hedgehogs").text
        assert "closed" not in shown
        assert "not settled" not in shown

    def test_are_in_the_totals_also_where_they_are_not_listed(self, listed, donations):
        donations.void("T-2026-07-1")
        donations.now = donations.now.replace(year=2036, month=9)  # August 2026 is not listed
        found = listed()
        assert (len(found["months"]), found["months"][0]["month"]) == (SHOWN_MONTHS, "2026-10")
        assert found["earlier"] == 5 + 4 + 3 + 2
        assert (found["closed"], found["running"], found["unsettled"]) == (7, 7, -1)
        assert found["total"] == 13

    def test_are_shown_as_closed_a_minute_later_at_the_latest(self, client, donations):
        def status_of_september():
            months = client.get("/hedgehogs.json").get_json()["months"]
            return {each["month"]: each["status"] for each in months}["2026-09"]

        assert status_of_september() == "open"
        donations.close(SEPTEMBER)
        client.application.clock.time += KEEP_CURRENT
        assert status_of_september() == "closed"

    def test_show_no_change_twice_when_it_is_settled(self, client, donations):
        """An older count of July, from before the void, would be one of a change that waits."""
        client.get("/hedgehogs.json")
        donations.void("T-2026-07-1")
        donations.close(SEPTEMBER)
        client.application.clock.time += KEEP_CURRENT
        found = client.get("/hedgehogs.json").get_json()
        assert (found["closed"], found["unsettled"], found["total"]) == (8, 0, 13)

    def test_are_counted_by_few_queries_and_kept(self, database, settings, donations):
        counts = HedgehogCounts(database, settings.timezone)
        asked = []
        event.listen(database.engine, "before_cursor_execute", lambda *each: asked.append(each))
        months = counts.look_up(donations.now).months
        assert len(asked) <= len(months) + 5
        asked.clear()
        counts.look_up(donations.now)
        assert asked == []


class TestCounting:
    @pytest.fixture
    def counts(self, database, settings):
        return HedgehogCounts(database, settings.timezone)

    @pytest.fixture
    def now_by_month(self, counts, clock):
        def now_by_month():
            found = counts.look_up(clock())
            return {str(counted.month): counted.hedgehogs for counted in found.months}

        return now_by_month

    def test_happens_once_a_minute_for_this_month(self, now_by_month, clock, fill):
        fill(1)
        assert now_by_month() == {"2026-10": 1}
        fill(3)
        clock.time += KEEP_CURRENT / 2
        assert now_by_month() == {"2026-10": 1}
        clock.time += KEEP_CURRENT / 2
        assert now_by_month() == {"2026-10": 3}

    def test_shows_a_late_void_of_a_past_month_after_a_while(
        self, now_by_month, clock, fill, database
    ):
        fill(2)
        clock.advance(days=31)
        assert now_by_month() == {"2026-10": 2, "2026-11": 0}
        with database.writing() as connection:
            void_ticket(connection, "0", "a mistake", clock())
        clock.time += KEEP_CURRENT
        assert now_by_month()["2026-10"] == 2
        clock.time += KEEP_PAST
        assert now_by_month()["2026-10"] == 1

    def test_does_not_keep_what_was_counted_before_the_months_end(self, now_by_month, clock, fill):
        clock.time = datetime(2026, 10, 31, 23, 59, 30, tzinfo=UTC)
        assert now_by_month() == {"2026-10": 0}
        clock.advance(seconds=20)
        fill(2)
        clock.advance(seconds=70)
        assert now_by_month() == {"2026-10": 2, "2026-11": 0}

    def test_goes_on_with_what_is_known_while_the_store_fails(
        self, now_by_month, clock, fill, database
    ):
        fill(2)
        now_by_month()
        with database.writing() as connection:
            connection.execute(text("alter table responses rename to gone"))
        clock.time += KEEP_PAST
        assert now_by_month() == {"2026-10": 2}

    def test_counts_months_that_become_earlier_ones(self, counts, clock, fill):
        fill(1)
        for _ in range(SHOWN_MONTHS + 2):
            found = counts.look_up(clock())
            assert found.total == 1
            clock.time = found.months[-1].month.closes_at(counts._timezone)
        assert (len(found.months), found.earlier) == (SHOWN_MONTHS, 1)

    def test_shows_a_late_void_of_an_earlier_month_after_a_while(
        self, counts, clock, fill, database
    ):
        fill(2)
        clock.advance(days=4000)
        assert counts.look_up(clock()).earlier == 2
        with database.writing() as connection:
            void_ticket(connection, "0", "a mistake", clock())
        clock.time += KEEP_PAST
        assert counts.look_up(clock()).earlier == 1

    @pytest.mark.parametrize("year", [1, 500])
    def test_asks_for_no_more_months_of_however_old_an_answer(
        self, counts, clock, fill, database, year
    ):
        fill(2)
        old = {"at": datetime(year, 1, 1, tzinfo=UTC)}
        with database.writing() as connection:
            oldest = update(ResponseRow).where(ResponseRow.ticket_id == "0")
            connection.execute(oldest.values(answered_at=bindparam("at")), old)
        asked = []
        event.listen(database.engine, "before_cursor_execute", lambda *each: asked.append(each))
        found = counts.look_up(clock())
        assert len(asked) <= SHOWN_MONTHS + 5
        assert (len(found.months), found.earlier, found.total) == (SHOWN_MONTHS, 1, 2)

    def test_fails_where_nothing_is_known(self, counts, clock, database):
        with database.writing() as connection:
            connection.execute(text("alter table responses rename to gone"))
        with pytest.raises(StoreError):
            counts.look_up(clock())


@pytest.mark.parametrize(
    ("counts", "widths"),
    [([], []), ([4, 2], [100.0, 50.0]), ([1000, 1], [100.0, 0.5])],
)
def test_the_highest_month_fills_the_room_and_one_hedgehog_can_be_seen(counts, widths):
    assert measure_bars(counts) == widths


def test_every_month_has_a_bar_with_its_value_and_one_without_hedgehogs_none(client, fill, clock):
    fill(3)
    clock.advance(days=31)
    html = client.get("/hedgehogs").text
    cells = re.findall(r"<td><div><svg[^>]*>(.*?)</svg>(\d+)</div></td>", html)
    assert cells == [("", "0"), ('<rect width="100.0" height="10"/>', "3")]


def test_the_address_of_a_charity_needs_its_name():
    with pytest.raises(ValueError, match="CSAT_CHARITY_NAME"):
        make_settings(charity_url="https://hedgehogs.example")


@on_sqlite
def test_many_need_no_scrolling_sideways_on_the_narrowest_phone(
    settings, database, clock, fill, browser
):
    fill(1200)
    context = browser.new_context(bypass_csp=True, viewport={"width": 320, "height": 800})
    page = context.new_page()
    with served(create_app(settings, database, clock)) as url:
        for language in LANGUAGES:
            page.goto(f"{url}/hedgehogs?lang={language.tag}")
            use_font(page, "wide")
            assert page.evaluate("document.documentElement.scrollWidth") == 320, language.tag
    context.close()
