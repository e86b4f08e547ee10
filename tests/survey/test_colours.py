"""Contrast after WCAG 2.2, and which accent colours it lets through."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.colours import (
    DARK_GROUNDS,
    LEAST_CONTRAST,
    LIGHT_GROUNDS,
    check_accent,
    contrast,
    dark_shade,
    least_contrast,
    parse_colour,
    tint,
)
from tests.support.command import ROOT

colours = st.integers(0, 0xFFFFFF).map("#{:06x}".format)


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#ffffff", "#ffffff", 1.0),
        # The grey that everybody knows: the lightest that text on white may have.
        ("#767676", "#ffffff", 4.54),
        ("#777777", "#ffffff", 4.48),
        ("#ff0000", "#ffffff", 4.00),
    ],
)
def test_contrast_is_that_of_wcag(one, other, ratio):
    assert contrast(one, other) == pytest.approx(ratio, abs=0.005)
    assert contrast(one, other) == contrast(other, one)


@pytest.mark.parametrize(
    ("written", "colour"),
    [("#A8440B", "#a8440b"), (" #a8440b ", "#a8440b"), ("#08f", "#0088ff")],
)
def test_a_colour_is_read(written, colour):
    assert parse_colour(written) == colour


@pytest.mark.parametrize("written", ["", "red", "#12", "#12345", "#1234567", "a8440b", "#gggggg"])
def test_what_is_no_colour_is_refused(written):
    with pytest.raises(ValueError, match="#rrggbb"):
        parse_colour(written)


def test_a_pale_accent_is_refused_with_its_ratio_and_a_better_one():
    with pytest.raises(ValueError, match=r"1\.47 to 1 with the light page") as refused:
        check_accent("#f9bd2b", LIGHT_GROUNDS, "light")
    (better,) = re.findall(r"(#[0-9a-f]{6}) has enough", str(refused.value))
    check_accent(better, LIGHT_GROUNDS, "light")


@given(colours)
def test_every_colour_has_a_shade_for_the_dark_page(colour):
    check_accent(dark_shade(colour), DARK_GROUNDS, "dark")


@given(colours)
def test_the_tint_of_an_accent_lets_its_picture_and_the_words_be_seen(colour):
    if least_contrast(colour, LIGHT_GROUNDS)[0] >= LEAST_CONTRAST:
        assert contrast(colour, tint(colour, LIGHT_GROUNDS[1])) >= 3
        assert contrast("#1d1e1a", tint(colour, LIGHT_GROUNDS[1])) >= 4.5
    shade = dark_shade(colour)
    assert contrast(shade, tint(shade, DARK_GROUNDS[1])) >= 3
    assert contrast("#eeefe9", tint(shade, DARK_GROUNDS[1])) >= 4.5


class TestTheStyleSheet:
    """It has colours of its own, and the grounds that accents are checked against."""

    @pytest.fixture(params=[(0, LIGHT_GROUNDS), (1, DARK_GROUNDS)], ids=["light", "dark"])
    def theme(self, request):
        """A theme's colours by name, and its grounds."""
        place, grounds = request.param
        style = (ROOT / "survey/static/survey.css").read_text()
        block = re.findall(r":root \{(.*?)\}", style, re.DOTALL)[place]
        return dict(re.findall(r"--(\w+): (#\w+)", block)), grounds

    def test_has_the_grounds_that_accents_are_checked_against(self, theme):
        colours, grounds = theme
        assert (colours["ground"], colours["paper"]) == grounds

    @pytest.mark.parametrize("name", ["ink", "quiet", "alarm"])
    def test_has_text_that_can_be_read(self, theme, name):
        colours, grounds = theme
        assert least_contrast(colours[name], grounds)[0] >= 4.5

    def test_has_edges_that_can_be_seen(self, theme):
        colours, grounds = theme
        assert least_contrast(colours["line"], grounds)[0] >= 3
