"""The report as people see it: on a phone, on a desktop, on paper, with any font, for everyone."""

import re

import pytest

from reports.links import FileLinks
from reports.page import render_page
from tests.support.axe import violations
from tests.support.browser import watch_console
from tests.support.fonts import WIDTHS as WIDTHS_OF_FONTS
from tests.support.fonts import use_font
from tests.support.npm import check_html
from tests.support.report_numbers import WEB_LINKS, full_numbers, make_numbers
from tests.support.settings import make_settings

PHONE, DESKTOP = (390, 844), (1440, 900)
# An A4 page between its margins, in CSS pixels.
PAPER = 695

EMPTY = (0,) * 5
PAGES = {
    "file": (full_numbers, FileLinks()),
    "web": (full_numbers, WEB_LINKS),
    "empty": (lambda: make_numbers({"surveys": EMPTY}, {"surveys": EMPTY}), FileLinks()),
}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The pages as files, by name."""
    folder = tmp_path_factory.mktemp("pages")
    settings = make_settings(ticket_url="https://help.example.com/{ticket_id}")
    paths = {}
    for name, (numbers, links) in PAGES.items():
        paths[name] = folder / f"{name}.html"
        paths[name].write_text(render_page(numbers(), settings, links), encoding="utf-8")
    return paths


@pytest.fixture(scope="module")
def opened(browser, written):
    """Windows that show the pages, each opened once; the pages' own policy is not obeyed, so that
    checkers and fonts can be put into them."""
    context = browser.new_context(bypass_csp=True)
    windows = {}

    def open_page(name, size=PHONE, theme="light", media="screen"):
        if name not in windows:
            windows[name] = context.new_page()
            windows[name].goto(written[name].as_uri())
        window = windows[name]
        window.set_viewport_size({"width": size[0], "height": size[1]})
        window.emulate_media(color_scheme=theme, media=media)
        return window

    yield open_page
    context.close()


def fold(page, *, open):
    """Open or close everything that can be folded."""
    page.evaluate(
        "open => document.querySelectorAll('details').forEach(each => each.open = open)", open
    )


@pytest.mark.parametrize("name", PAGES)
def test_nothing_needs_scrolling_sideways(opened, name):
    page = opened(name)
    fold(page, open=True)
    for width in (320, 390, 768, 833, 1440):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_its_own_policy_allows_its_style_and_its_pictures(browser, written):
    context = browser.new_context()
    page = context.new_page()
    said = watch_console(page)
    page.goto(written["file"].as_uri())
    assert page.evaluate("getComputedStyle(document.body).maxWidth") != "none"
    line = page.locator("svg path, svg polyline").first
    assert line.evaluate("each => getComputedStyle(each).stroke") != "none"
    assert said == []
    context.close()


@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing_in_either_theme(opened, name):
    for size, theme in ((PHONE, "light"), (DESKTOP, "dark")):
        page = opened(name, size, theme)
        fold(page, open=True)
        assert violations(page) == [], (size, theme)


def test_the_page_is_valid_html(written):
    # Rows that are shown as cards are no rows any more for some screen readers, unless they say so.
    allowed = "The “role” attribute must not be used on a “t[rdh]” element which has a “table”.*"
    found = check_html(written["web"], "--errors-only", "--filterpattern", allowed)
    assert found == []


def test_the_finding_and_the_score_stand_on_the_first_screen_of_a_phone(opened):
    page = opened("file")
    for selector in (".finding", ".figure", ".against .clear, .against .quiet"):
        box = page.locator(selector).first.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= PHONE[1], selector


def test_on_a_phone_each_team_is_a_card_and_all_teams_come_first(opened):
    page = opened("file")
    tops = page.evaluate(
        """() => [...document.querySelectorAll('.teams tr')].map(row =>
             [row.querySelector('th').innerText.split('\\n')[0], row.getBoundingClientRect().top])
           .filter(([name]) => name !== 'Team').sort((a, b) => a[1] - b[1]).map(([name]) => name)"""
    )
    assert tops[0] == "All teams"
    sides = page.evaluate(
        """() => [...document.querySelectorAll('.teams td.words')].map(cell =>
             cell.getBoundingClientRect().right)"""
    )
    assert max(sides) <= PHONE[0]


def test_a_link_to_a_teams_comments_unfolds_them(opened):
    page = opened("web")
    fold(page, open=False)
    folded = page.locator("details.team:not([open])").first
    place = folded.locator(".place").get_attribute("id")
    page.locator(f".jump a[href='#{place}']").click()
    assert page.locator(f"#{place}").is_visible()
    summary = page.locator(f"details.team:has(#{place}) > summary")
    box = summary.bounding_box()
    assert box is not None
    assert -1 <= box["y"] < PHONE[1]


def test_a_long_comment_shows_six_lines_until_it_is_unfolded(opened):
    page = opened("file")
    fold(page, open=False)
    page.evaluate("document.querySelector('details.team').open = true")
    long = page.locator("details.team[open] > .place > .comments details.long.always").first
    folded = long.bounding_box()
    long.locator("summary").click()
    unfolded = long.bounding_box()
    assert folded is not None
    assert unfolded is not None
    # Six lines of 1.6 rem, and the line that says how to see more.
    assert folded["height"] < 9 * 1.6 * 16 < unfolded["height"]


def test_a_right_to_left_comment_begins_at_the_right(opened):
    page = opened("file", DESKTOP)
    fold(page, open=True)
    direction = "getComputedStyle(document.querySelector('.comment[lang=ar]')).direction"
    assert page.evaluate(direction) == "rtl"


# The texts of charts that stick out of the page, and those that lie over another one.
MEASURE_TEXTS = """width => {
  const found = {cut: [], overlapping: []};
  for (const chart of document.querySelectorAll('.chart')) {
    const frame = chart.getBoundingClientRect();
    const boxes = [...chart.querySelectorAll('text')].filter(text => text.textContent.trim())
      .map(text => [text.textContent, text.getBoundingClientRect()]);
    boxes.forEach(([words, box], place) => {
      if (box.left < Math.max(0, frame.left - 1) || box.right > Math.min(width, frame.right + 12)
          || box.top < frame.top - 1 || box.bottom > frame.bottom + 1) found.cut.push(words);
      for (const [others, other] of boxes.slice(place + 1))
        if (box.left < other.right && other.left < box.right
            && box.top + 2 < other.bottom && other.top + 2 < box.bottom)
          found.overlapping.push(words + ' / ' + others);
    });
  }
  return found;
}"""

# The cells of tables whose content sticks out of them.
MEASURE_CELLS = """() => [...document.querySelectorAll('th, td')].filter(cell =>
  getComputedStyle(cell.closest('thead, tbody, tfoot')).position !== 'absolute'
  && cell.scrollWidth > cell.clientWidth + 1).map(cell => cell.innerText)"""


@pytest.fixture(scope="module")
def fonts(browser, written):
    """A window, and what shows the page in it in one font after the other."""
    context = browser.new_context(bypass_csp=True)
    page = context.new_page()
    page.goto(written["file"].as_uri())

    def fonts():
        for font in WIDTHS_OF_FONTS:
            use_font(page, font)
            yield font, page

    yield fonts
    context.close()


def test_no_label_is_cut_with_any_font_on_any_screen_or_on_paper(fonts):
    for font, page in fonts():
        for width, media in ((390, "screen"), (1440, "screen"), (PAPER, "print")):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(media=media)
            where = (font, width)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, where
            assert page.evaluate(MEASURE_TEXTS, width) == {"cut": [], "overlapping": []}, where
            assert page.evaluate(MEASURE_CELLS) == [], where


def test_the_browser_makes_a_pdf_that_holds_what_is_folded(fonts):
    ground = "getComputedStyle(document.body).backgroundColor"
    for font, page in fonts():
        page.emulate_media(media="print")
        assert page.locator(".comment").count() == 90
        page.wait_for_function(
            """() => [...document.querySelectorAll('.comment')].every(each =>
                 each.checkVisibility({contentVisibilityAuto: true}) && each.clientHeight)"""
        )
        assert page.evaluate(ground) == "rgb(255, 255, 255)"
        pdf = page.pdf(format="A4", prefer_css_page_size=True)
        pages = len(re.findall(rb"/Type\s*/Page\b", pdf))
        assert 3 <= pages <= 40, font
