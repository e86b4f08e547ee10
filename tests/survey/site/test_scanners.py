"""Mail scanners open every link of a mail, some with scripts; nobody has answered, or looked."""

import time
from concurrent.futures import ThreadPoolExecutor
from html import unescape

import pytest
import requests
from playwright.sync_api import expect
from sqlalchemy import select, text

from survey.outbox_payloads import unpack_event
from survey.store.database import Database
from survey.store.models import OutboxRow
from tests.support.browser import CUSTOMERS_BROWSER
from tests.support.command import run_csat
from tests.support.mails import MailPage
from tests.support.site import running_site, wait_until

# A page tells after one visible second; by then it would have.
LONG_ENOUGH = 1.6
# For a scanner that looks like a customer's browser, but whose pages no one sees.
HIDDEN = """
Object.defineProperty(Document.prototype, "visibilityState", {get: () => "hidden"});
Object.defineProperty(Document.prototype, "hidden", {get: () => true});
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("site")


@pytest.fixture(scope="module")
def site(folder):
    """A site that keeps its events."""
    with running_site(folder, "--no-deliver") as site:
        yield site


@pytest.fixture(scope="module")
def links(site, folder):
    """The survey's links in the mail: five faces, and the plain one."""
    done = run_csat("mail", "preview", "--out", str(folder / "mail"), CSAT_BASE_URL=site.url)
    assert done.returncode == 0, done.stderr
    return MailPage((folder / "mail" / "invitation-en.html").read_text()).links


@pytest.fixture
def database(site, folder):  # noqa: ARG001 (the site makes it)
    """The site's store, empty again."""
    database = Database(f"sqlite:///{folder}/csat.db")
    with database.writing() as connection:
        for table in ("outbox", "responses", "answers"):
            connection.execute(text(f"delete from {table}"))
    yield database
    database.close()


def recorded(database):
    """How many answers there are, and the names of the events that wait."""
    with database.reading() as connection:
        answers = connection.scalar(text("select count(*) from answers"))
        payloads = connection.scalars(select(OutboxRow.payload)).all()
    return answers, [unpack_event(payload)["event"] for payload in payloads]


def a_page(browser, **options):
    return browser.new_context(user_agent=CUSTOMERS_BROWSER, **options).new_page()


def a_page_outside_time(browser):
    """Its timers run only as far as `clock.run_for` lets them, however slow the machine is."""
    page = a_page(browser)
    page.clock.install(time=0)
    page.clock.pause_at(1000)
    return page


class TestWithoutScripts:
    @pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
    def test_opening_every_link_records_nothing(self, links, database, method):
        for link in links:
            assert requests.request(method, link, timeout=10).ok
        assert recorded(database) == (0, [])

    @pytest.mark.parametrize("header", ["prefetch", "prefetch;prerender", "prefetch;anonymous"])
    def test_fetching_ahead_records_nothing(self, links, database, header):
        for link in links:
            assert requests.get(link, headers={"Sec-Purpose": header}, timeout=10).ok
        assert recorded(database) == (0, [])

    def test_ten_ratings_at_once_record_nothing(self, links, database):
        with ThreadPoolExecutor(10) as pool:
            answers = pool.map(lambda link: requests.get(link, timeout=10), links[:5] * 2)
            assert {answer.status_code for answer in answers} == {200}
        assert recorded(database) == (0, [])

    def test_following_what_the_pages_link_to_records_nothing(self, links, database):
        page = requests.get(links[0], timeout=10)
        for found in MailPage(page.text).links:
            requests.get(unescape(found), timeout=10)
        shown = links[0].replace("/?", "/shown?")
        assert requests.get(shown, timeout=10).status_code == 405
        assert recorded(database) == (0, [])


class TestWithScripts:
    def test_a_scanner_that_leaves_before_a_second_has_not_looked(self, browser, links, database):
        page = a_page_outside_time(browser)
        for link in links:
            page.goto(link)
            page.clock.run_for(900)
        page.context.close()
        time.sleep(LONG_ENOUGH)
        assert recorded(database) == (0, [])

    def test_a_scanner_that_never_shows_the_page_has_not_looked(self, browser, links, database):
        page = a_page_outside_time(browser)
        page.add_init_script(HIDDEN)
        for link in links:
            page.goto(link)
            page.clock.run_for(60_000)
        time.sleep(LONG_ENOUGH)
        assert recorded(database) == (0, [])
        page.context.close()

    def test_a_browser_that_says_that_it_has_no_head_is_no_customer(self, browser, links, database):
        page = browser.new_page()
        with page.expect_request(lambda request: "/shown" in request.url) as told:
            page.goto(links[0])
        assert told.value.response().status == 204
        assert recorded(database) == (0, [])
        page.close()


class TestACustomer:
    def test_who_looks_for_a_second_is_one_page_view(self, browser, links, database):
        page = a_page_outside_time(browser)
        problems = []
        page.on("console", lambda message: problems.append(message.text))
        told = []
        page.on("request", lambda request: "/shown" in request.url and told.append(request))
        page.goto(links[3])
        page.clock.run_for(900)
        assert told == []
        page.clock.run_for(200)
        wait_until(lambda: recorded(database)[1] == ["survey shown"])
        page.clock.run_for(60_000)
        assert len(told) == 1
        assert (told[0].method, told[0].response().status) == ("POST", 204)
        assert problems == []
        assert page.context.cookies() == []
        assert recorded(database) == (0, ["survey shown"])
        page.context.close()

    def test_whose_page_is_hidden_and_shown_again_needs_a_whole_second(
        self, browser, links, database
    ):
        page = a_page_outside_time(browser)
        page.add_init_script(
            "let shown = 'visible';"
            "Object.defineProperty(Document.prototype, 'visibilityState', {get: () => shown});"
            "window.show = (how) => {"
            " shown = how; document.dispatchEvent(new Event('visibilitychange')) };"
        )
        page.goto(links[5])
        for how in ("hidden", "visible", "hidden"):
            page.clock.run_for(600)
            page.evaluate(f"show('{how}')")
        page.clock.run_for(60_000)
        assert recorded(database) == (0, [])
        page.evaluate("show('visible')")
        page.clock.run_for(1100)
        wait_until(lambda: recorded(database) == (0, ["survey shown"]))
        page.context.close()

    def test_whose_browser_prepares_the_page_ahead_looks_only_when_it_is_shown(
        self, browser, links, database
    ):
        page = a_page(browser)
        page.add_init_script(
            "Object.defineProperty(Document.prototype, 'prerendering',"
            " {get: () => !window.activated});"
        )
        page.goto(links[5])
        page.wait_for_timeout(LONG_ENOUGH * 1000)
        assert recorded(database) == (0, [])
        page.evaluate(
            "window.activated = true; document.dispatchEvent(new Event('prerenderingchange'))"
        )
        wait_until(lambda: recorded(database) == (0, ["survey shown"]))
        page.context.close()

    def test_who_sends_the_form_gets_confetti_that_moves_nothing_and_ends(
        self, browser, links, database
    ):
        page = a_page(browser)
        problems = []
        page.on("console", lambda message: problems.append(message.text))
        page.add_init_script(
            "window.shifts = 0; new PerformanceObserver((list) => {"
            " for (const entry of list.getEntries()) shifts += entry.value;"
            "}).observe({type: 'layout-shift', buffered: true})"
        )
        page.goto(links[4])
        page.get_by_role("button", name="Send feedback").click()
        expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
        expect(page.locator("body > i").first).to_be_attached()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        expect(page.locator("body > i")).to_have_count(0, timeout=3000)
        assert page.evaluate("shifts") == 0
        assert problems == []
        assert recorded(database)[0] == 1
        page.context.close()

    @pytest.mark.parametrize(
        ("face", "options"), [(4, {"reduced_motion": "reduce"}), (0, {})], ids=["calm", "unhappy"]
    )
    def test_who_wants_no_motion_or_is_unhappy_gets_none(
        self, browser, links, database, face, options
    ):
        page = a_page(browser, **options)
        page.goto(links[face])
        page.get_by_role("button", name="Send feedback").click()
        expect(page.get_by_role("heading", name="Thank you")).to_be_visible()
        assert page.locator("body > i").count() == 0
        assert recorded(database)[0] == 1
        page.context.close()
