"""The pages around the reports in a browser: on a phone and a desk, by day and by night."""

import socket
import threading
from datetime import date, timedelta

import pytest

from survey.counting_rules import CountingRules
from survey.rederive import apply_rules
from survey.serving.server import Limits, Server
from survey.store.audit import add_entry
from survey.store.database import Database
from survey.store.marks import add_mark
from survey.store.migrate import upgrade
from tests.support.axe import OF_COLOURS, violations
from tests.support.browser import watch_console
from tests.support.clock import Clock
from tests.support.given_answers import NOON, GivenAnswer, give
from tests.support.reports_site import PASSWORD, make_site
from tests.support.settings import make_settings

# Enough of them to compare the months of two teams, with words that nobody means well.
ANSWERS = [
    GivenAnswer(
        rating=(5, 4, 1, 5, 2)[number % 5],
        comment=("Export broken " * 60, "<b>" + "x" * 300, None, "\u202eنص")[number % 4],
        team=("surveys", "session replay", "sesion replay")[number % 7 % 3],
        at=NOON - timedelta(days=30 * (number % 2)),
    )
    for number in range(80)
]

SIZES = {
    "narrow": {"width": 320, "height": 700},
    "phone": {"width": 390, "height": 844},
    "desk": {"width": 1440, "height": 900},
}
LOOKS = {
    "dark": {"color_scheme": "dark"},
    "forced colours": {"color_scheme": "dark", "forced_colors": "active"},
}


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The site, by the server that real ones run on, with a provider and much on record."""
    settings = make_settings(
        database_url=f"sqlite:///{tmp_path_factory.mktemp('reports')}/csat.db",
        oidc_issuer="http://127.0.0.1:9",
        oidc_client_id="csat",
        oidc_client_secret="a secret",
    )
    database = Database(settings.database_url)
    upgrade(database)
    clock = Clock()
    site = make_site(settings, database, clock)
    apply_rules(database, CountingRules.of(settings))
    give(database, settings, *ANSWERS)
    with database.writing() as connection:
        add_mark(connection, date(2026, 10, 6), "W" * 80, "ada", clock())
        for number in range(60):
            name = ("a.rather.long.name@example.com", "W" * 100)[number % 2]
            target = "2026-10 team=web_analytics,session_replay " + "x" * 100
            add_entry(connection, clock(), name, "finance", "read comments", target)
    listener = socket.create_server(("127.0.0.1", 0))
    server = Server(site, listener, {}, Limits(threads=4))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.stop()
    thread.join(20)
    database.close()


@pytest.fixture
def page(browser):
    context = browser.new_context(viewport=SIZES["phone"])
    yield context.new_page()
    context.close()


def sign_in(page, name, password=PASSWORD):
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


@pytest.fixture(scope="module")
def adas(browser, address):
    """What the browser of somebody keeps who has signed in as ada."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{address}/reports/account")
    sign_in(page, "ada")
    page.wait_for_url(f"{address}/reports/account")
    yield context.storage_state()
    context.close()


def test_somebody_signs_in_at_the_second_try_and_out_again(page, address):
    page.goto(f"{address}/reports/account")
    sign_in(page, "ada", "wrong horse battery")
    assert page.get_by_role("alert").inner_text() == "The name or the password is not right."
    sign_in(page, "ada")
    assert page.url == f"{address}/reports/account"
    page.get_by_role("navigation").get_by_role("link", name="Audit").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Audit"
    assert page.get_by_role("row").nth(1).get_by_role("cell").all_inner_texts() == [
        "14 October 2026, 10:30:00",
        *("ada", "admin", "signed in", "with a password"),
    ]
    page.get_by_role("link", name="Account").click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    assert page.url == f"{address}/reports/login"
    page.goto(f"{address}/reports/audit")
    assert page.url == f"{address}/reports/login?next=/reports/audit"


def test_finance_sees_no_report(page, address):
    page.goto(f"{address}/reports/2026-10")
    sign_in(page, "finn")
    assert page.get_by_role("heading", level=1).inner_text() == "This page is not open to you"
    page.get_by_role("link", name="To the first page").click()
    assert page.get_by_role("heading", level=1).inner_text() == "Donations"


def test_a_lead_follows_a_number_to_its_tickets(page, address):
    page.goto(f"{address}/reports/2026-10")
    sign_in(page, "lea")
    page.get_by_role("link", name="40", exact=True).first.click()
    assert page.get_by_role("heading", level=1).inner_text().startswith("40 responses")
    page.get_by_label("Words in the comment").fill("export")
    page.get_by_role("button", name="Search").click()
    assert "with a comment, that hold “export”" in page.get_by_role("heading", level=1).inner_text()


def test_a_keyboard_is_enough(page, address):
    page.goto(f"{address}/reports/login")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the page"
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.type("lea")
    page.keyboard.press("Tab")
    page.keyboard.type(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url(f"{address}/reports/")


@pytest.mark.parametrize(
    "path",
    [
        *("login", "refused", "", "account", "audit", "none", "marks", "2026-10", "2026-10/weeks"),
        "2026-10/responses?rating=1,2&q=export",
    ],
)
def test_pages_are_for_everybody_and_need_no_scrolling_sideways(page, adas, address, path):
    said = watch_console(page)
    if path in ("login", "refused"):
        page.goto(f"{address}/reports/login")
    else:
        page.context.add_cookies(adas["cookies"])
        page.goto(f"{address}/reports/{path}")
    if path == "refused":
        sign_in(page, "nobody")
    check_widths(page)
    page.emulate_media(color_scheme="light")
    assert violations(page) == []
    for look, media in LOOKS.items():
        page.emulate_media(**media)
        assert violations(page, OF_COLOURS) == [], look
    assert find_small_targets(page) == []
    assert said == []


def check_widths(page):
    """See that no page needs scrolling sideways."""
    for size, viewport in SIZES.items():
        page.set_viewport_size(viewport)
        assert page.evaluate("document.documentElement.scrollWidth") == viewport["width"], size


def find_small_targets(page):
    """The fields and buttons that no finger meets."""
    return page.evaluate(
        """[...document.querySelectorAll(
            'nav a, button, .button, .choice, main input:not([type=hidden]):not([type=checkbox])'
          )]
          .filter(element => element.checkVisibility())
          .map(element => [element.outerHTML, element.getBoundingClientRect().height])
          .filter(([_, height]) => height < 44).map(([html]) => html)"""
    )


def test_finance_walks_a_month_through_the_ledger(page, address):
    def press(name, heading):
        page.get_by_role("main").get_by_role("button", name=name, exact=True).click()
        look(heading)

    def follow(name, heading):
        page.get_by_role("main").get_by_role("link", name=name, exact=True).click()
        look(heading)

    def look(heading):
        assert page.get_by_role("heading", level=1).inner_text() == heading
        assert violations(page) == []
        assert find_small_targets(page) == []
        check_widths(page)

    said = watch_console(page)
    page.goto(f"{address}/reports/")
    sign_in(page, "finn")
    look("Donations")
    follow("Set a rate", "Set a rate")
    page.get_by_label("For one hedgehog").fill("0.50")
    page.get_by_label("Currency").fill("GBP")
    page.get_by_label("Charity").fill("W" * 80)
    page.get_by_label("Our reference there").fill("CSAT 1")
    press("Look at it before it is recorded", "Set this rate?")
    press("Set the rate", "Donations")
    page.get_by_label("The first month that is owed").select_option("September 2026")
    press("Look at its close", "Close September 2026?")
    press("Close September 2026", "September 2026")
    assert page.get_by_role("status").inner_text() == "September 2026 is closed."
    follow("Record a payment", "Record a payment")
    page.get_by_label("Amount in GBP").fill("1000")
    page.get_by_label("Reference of the payment").fill("BACS 1")
    press("Look at it before it is recorded", "Record a payment")
    assert "more than what is due" in page.get_by_role("alert").inner_text()
    page.get_by_label("Amount in GBP").fill("20.00")
    press("Look at it before it is recorded", "Record this payment?")
    press("Record the payment", "September 2026")
    assert page.get_by_text("It is paid.").is_visible()
    follow("Take the payment back", "Take a payment back")
    page.get_by_label("Why it is taken back").fill("sent to the wrong account")
    press("Look at it before it is recorded", "Take this payment back?")
    press("Take the payment back", "September 2026")
    assert page.get_by_text("It is to be paid.").is_visible()
    page.emulate_media(**LOOKS["dark"])
    follow("Donations", "Donations")
    assert "To pay now" in page.get_by_role("main").inner_text()
    assert said == []
