"""Every page in every state, for everyone: checked by axe, by the W3C's checker, and measured."""

from itertools import product

import pytest

from survey.languages import LANGUAGES
from tests.support import states
from tests.support.axe import OF_COLOURS, violations
from tests.support.browser import watch_console
from tests.support.fonts import WIDTHS as WIDTHS_OF_FONTS
from tests.support.fonts import use_font
from tests.support.npm import check_html
from tests.support.states import STATES

THEMES = {
    "light": {"color_scheme": "light", "forced_colors": "none"},
    "dark": {"color_scheme": "dark", "forced_colors": "none"},
    "forced colours": {"color_scheme": "dark", "forced_colors": "active"},
}

each_state = pytest.mark.parametrize("state", STATES, ids=lambda state: state.__name__)
each_language = pytest.mark.parametrize("language", LANGUAGES, ids=lambda each: each.tag)
WIDTHS = (320, 390, 1280)


class Visits:
    """A page in each state, opened when it is first asked for: tests look at it, resize it and
    change its theme, and leave what it says as it is."""

    def __init__(self, survey, context):
        self.survey = survey
        self.context = context
        self.pages = {}
        self.sent = {}
        self.said = {}

    def __call__(self, state, lang="en"):
        """The page, in a phone's size and the light theme."""
        if (state, lang) not in self.pages:
            page = self.context.new_page()
            self.said[state, lang] = watch_console(page)
            page.on("response", lambda response: self._note(state, lang, response))
            state(self.survey, page, lang)
            self.pages[state, lang] = page
        page = self.pages[state, lang]
        page.set_viewport_size({"width": 390, "height": 844})
        page.emulate_media(reduced_motion="reduce", **THEMES["light"])
        return page

    def _note(self, state, lang, response):
        """Keep the document as it was sent, not as the browser mended it."""
        if response.request.resource_type == "document":
            self.sent[state, lang] = response


@pytest.fixture(scope="module")
def visit(survey, browser):
    context = browser.new_context()
    yield Visits(survey, context)
    context.close()


@each_state
def test_axe_finds_nothing_in_any_theme(visit, state):
    page = visit(state)
    assert violations(page) == []
    for theme in ("dark", "forced colours"):
        page.emulate_media(reduced_motion="reduce", **THEMES[theme])
        assert violations(page, OF_COLOURS) == [], theme


@each_state
def test_the_policy_allows_all_that_a_page_does(visit, state):
    page = visit(state)
    # The style sheet is obeyed, and the page's own script has run.
    assert page.evaluate("getComputedStyle(document.body).fontFamily").startswith("system-ui")
    assert visit.said[state, "en"] == []


@each_language
def test_axe_finds_nothing_in_any_language(visit, language):
    assert violations(visit(states.preselected, language.tag)) == []


def test_every_page_is_valid_html(visit, tmp_path):
    for state, lang in [*product(STATES, ["en"]), *product(STATES[:6], ["ar"])]:
        visit(state, lang)
        html = visit.sent[state, lang].text()
        (tmp_path / f"{state.__name__}-{lang}.html").write_text(html, encoding="utf-8")
    assert check_html(tmp_path) == []


def measure(page, selector):
    """Every visible element's place and size."""
    return page.evaluate(
        """selector => [...document.querySelectorAll(selector)].map(element => {
          const {x, width, height} = element.getBoundingClientRect();
          return {what: element.outerHTML.slice(0, 80), x, width, height};
        }).filter(box => box.width)""",
        selector,
    )


@each_state
def test_nothing_needs_scrolling_sideways_and_everything_can_be_hit(visit, state):
    page = visit(state)
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") == width
        targets = measure(page, ".face input, textarea, button, summary")
        assert [each for each in targets if each["width"] < 44 or each["height"] < 44] == []


# Phones of all kinds, and a window on each side of where the faces change their places.
FACE_WIDTHS = (320, 360, 376, 390, 393, 412, 430, 540, 600, 768, 1280)

# With each face chosen in turn: the words that stick out of their face, those that are broken, and
# how high the faces are.
CHOOSE_AND_MEASURE = """() => [...document.querySelectorAll('.face input')].map(chosen => {
  chosen.checked = true;
  const found = {sticking: [], broken: [], heights: []};
  for (const face of document.querySelectorAll('.face span')) {
    const text = face.lastChild, outer = face.getBoundingClientRect();
    found.heights.push(outer.height);
    for (const word of text.data.matchAll(/[^\\s]+/g)) {
      const range = document.createRange();
      range.setStart(text, word.index);
      range.setEnd(text, word.index + word[0].length);
      const inner = range.getBoundingClientRect();
      if (inner.left < outer.left || inner.right > outer.right) found.sticking.push(word[0]);
      if (range.getClientRects().length > 1) found.broken.push(word[0]);
    }
  }
  return found;
})"""


@each_language
def test_words_fit_into_faces_with_any_font_whatever_is_chosen(survey, browser, language):
    context = browser.new_context(bypass_csp=True)
    page = context.new_page()
    states.question(survey, page, language.tag)
    for font in WIDTHS_OF_FONTS:
        use_font(page, font)
        for width in FACE_WIDTHS:
            page.set_viewport_size({"width": width, "height": 800})
            measured = page.evaluate(CHOOSE_AND_MEASURE)
            where = (font, width)
            assert [each["sticking"] for each in measured] == [[]] * 5, where
            # Japanese puts no spaces between words.
            if language.tag != "ja":
                assert [each["broken"] for each in measured] == [[]] * 5, where
            assert all(each["heights"] == measured[0]["heights"] for each in measured), where
            assert page.evaluate("document.documentElement.scrollWidth") == width, where
    context.close()


@pytest.mark.parametrize("lang", ["en", "ar"])
def test_text_at_twice_its_size_needs_no_scrolling_sideways(survey, browser, lang):
    page = browser.new_page()
    # Zoom to 200 % makes a window of 640 pixels one of 320, with twice as many dots.
    session = page.context.new_cdp_session(page)
    metrics = {"width": 320, "height": 400, "deviceScaleFactor": 2, "mobile": False}
    session.send("Emulation.setDeviceMetricsOverride", metrics)
    for state in (states.no_rating, states.thanks_unfolded, states.too_late):
        state(survey, page, lang)
        assert page.evaluate("document.documentElement.scrollWidth") == 320
    # And text alone at twice the size, by the browser's own setting.
    session.send("Emulation.setDeviceMetricsOverride", {**metrics, "width": 640})
    session.send("Page.setFontSizes", {"fontSizes": {"standard": 32}})
    states.preselected(survey, page, lang)
    assert page.evaluate("getComputedStyle(document.documentElement).fontSize") == "32px"
    assert page.evaluate("document.documentElement.scrollWidth") == 640
    page.close()


class TestRightToLeft:
    def test_the_first_face_is_on_the_right(self, visit):
        page = visit(states.question, "ar")
        page.set_viewport_size({"width": 768, "height": 800})
        first, *_, last = measure(page, ".face")
        assert first["x"] > last["x"]

    def test_words_stand_right_of_the_tick(self, visit):
        page = visit(states.preselected, "ar")
        tick, words = page.evaluate(
            """() => {
              const face = document.querySelector('input:checked + span');
              const words = document.createRange();
              words.selectNode(face.lastChild);
              const tick = getComputedStyle(face, '::before');
              const left = face.getBoundingClientRect().left + parseFloat(tick.left);
              return [left + parseFloat(tick.width), words.getBoundingClientRect().left];
            }"""
        )
        assert tick < words


class TestTheChosenFace:
    """It differs from the others by more than its colour."""

    def test_has_a_tick_and_a_thicker_line(self, visit):
        page = visit(states.preselected)
        chosen, other = (
            page.evaluate(
                """selector => {
                  const face = document.querySelector(selector);
                  return {
                    tick: getComputedStyle(face, '::after').content !== 'none',
                    line: parseFloat(getComputedStyle(face.querySelector('svg')).strokeWidth),
                  };
                }""",
                f"{selector} + span",
            )
            for selector in ("input:checked", "input:not(:checked)")
        )
        assert (chosen["tick"], other["tick"]) == (True, False)
        assert chosen["line"] > other["line"]

    def test_is_told_apart_in_forced_colours(self, visit):
        page = visit(states.preselected)
        page.emulate_media(**THEMES["forced colours"])
        outlines = page.evaluate(
            "[...document.querySelectorAll('.face span')]"
            ".map(face => getComputedStyle(face).outlineStyle)"
        )
        assert outlines == ["none", "none", "none", "solid", "none"]


def test_motion_stops_for_those_who_ask_for_it(survey, page):
    for wish, moving in (("no-preference", 1), ("reduce", 0)):
        page.emulate_media(reduced_motion=wish)
        states.thanks(survey, page, "en")
        names = page.evaluate("document.getAnimations().map(each => each.animationName)")
        assert names.count("come") == moving
