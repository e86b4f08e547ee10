"""The mails in Chromium, as mail programs show them: narrow and wide, light and dark."""

import re

import pytest

from reports.mail.colours import read_colours
from reports.mail.donations import render_donation_mail
from reports.mail.message import render_report_mail
from survey.months import Month
from tests.support.axe import WCAG, violations
from tests.support.fonts import WIDTHS, use_font
from tests.support.ledger_entries import a_ledger, a_payment, a_priced_close, an_adjustment
from tests.support.mails import html_with_pictures
from tests.support.report_numbers import full_numbers, make_numbers
from tests.support.settings import make_settings

SETTINGS = make_settings(ticket_url="https://help.example.com/{ticket_id}")
EMPTY = (0,) * 5
SEPTEMBER, OCTOBER = Month(2026, 9), Month(2026, 10)


def donation_mail():
    """The mail about a month with everything that one can have."""
    charity = {"charity": "Hedgehogs of Llanfairpwllgwyngyllgogerych", "charity_reference": "C 1"}
    ledger = a_ledger(
        a_priced_close(SEPTEMBER, 2, "0.50", "1.00"),
        an_adjustment(OCTOBER, SEPTEMBER, -1),
        a_priced_close(OCTOBER, 1_812, "0.50", "905.50", **charity),
        a_payment(OCTOBER, "200.00", reference="x" * 200),
    )
    return render_donation_mail(ledger, OCTOBER, SETTINGS)


MAILS = {
    "full": lambda: render_report_mail(full_numbers(), SETTINGS),
    "empty": lambda: render_report_mail(make_numbers({"surveys": EMPTY}, {}), SETTINGS),
    "donations": donation_mail,
}


@pytest.fixture(scope="module")
def pages():
    """The HTML of the mails, with their pictures."""
    return {name: html_with_pictures(make()) for name, make in MAILS.items()}


@pytest.fixture(scope="module")
def window(browser):
    """A window for all of these mails: to open one takes longer than to show a mail in it."""
    page = browser.new_page()
    yield page
    page.close()


@pytest.fixture
def show(window, pages):
    def show(name="full", width=390, change=lambda html: html, color_scheme="light"):
        window.set_viewport_size({"width": width, "height": 800})
        window.emulate_media(color_scheme=color_scheme)
        window.set_content(change(pages[name]))
        return window

    return show


@pytest.mark.parametrize("name", MAILS)
def test_it_needs_no_scrolling_sideways_in_any_font(show, name):
    page = show(name)
    for font in WIDTHS:
        use_font(page, font)
        for width in (320, 390, 480, 620, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") == width
            assert page.locator(".paper").bounding_box()["width"] <= 600


@pytest.mark.parametrize("name", ["full", "donations"])
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing_in_either_theme(show, theme, name):
    page = show(name, color_scheme=theme)
    # Without the best practices for whole pages: mail programs put a frame of their own around it.
    assert violations(page, WCAG) == []


def test_it_is_dark_where_the_reader_wants_it_dark_and_the_chart_stays_on_white(show):
    for theme in ("light", "dark"):
        page = show(color_scheme=theme)
        colours = read_colours(theme)

        def colour(selector, name, page=page):
            script = "(each, name) => getComputedStyle(each)[name]"
            values = re.findall(r"\d+", page.locator(selector).first.evaluate(script, name))
            return "#" + "".join(f"{int(each):02x}" for each in values[:3])

        assert colour(".paper", "backgroundColor") == colours["paper"]
        assert colour("h2", "color") == colours["ink"]
        assert colour("td.rated_5", "backgroundColor") == colours["rated_5"]
        assert colour("td:has(> img)", "backgroundColor") == "#ffffff"


def test_the_finding_the_score_and_the_way_to_the_report_are_on_the_first_screen(show):
    page = show()
    for words in ("Product analytics fell 26.7 points", "84.0%", "Open the report"):
        box = page.get_by_text(words).first.bounding_box()
        assert box["y"] + box["height"] <= 800


def test_the_picture_is_as_wide_as_the_text_and_sharp(show):
    for width, wide in ((390, 358), (620, 552)):
        page = show(width=width)
        image = page.locator("img")
        assert image.bounding_box()["width"] == pytest.approx(wide, abs=8)
        assert image.evaluate("each => each.naturalWidth") >= 2 * 552


def test_without_css_and_pictures_every_word_and_link_is_there(show):
    def strip(html):
        html = re.sub(r"(?s)<style>.*?</style>", "", html)
        html = re.sub(r' (style|bgcolor|width|class)="[^"]*"', "", html)
        return re.sub(r"data:image/png[^\"]*", "cid:nothing", html)

    def words(page):
        return page.locator("body").evaluate("each => each.innerText.split(/\\s+/).join(' ')")

    styled = words(show())
    page = show(change=strip)
    assert words(page) == styled
    assert page.get_by_role("link", name="Open the report").is_visible()
    assert page.get_by_alt_text("CSAT of all teams over 13 months").is_visible()


def test_each_bar_is_as_wide_as_its_team_whatever_the_ratings(show):
    page = show(width=620)
    bars = page.locator("table:has(> tbody > tr > td.rated_5)").all()
    assert len(bars) == 11
    for bar in bars:
        cells = [cell.bounding_box()["width"] for cell in bar.locator("td").all()]
        assert sum(cells) == pytest.approx(552, abs=1)
        assert min(cells) > 1
