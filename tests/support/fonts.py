"""Fonts that tests bring themselves: what fits must not depend on what a machine has installed."""

import base64
from functools import lru_cache
from io import BytesIO

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from playwright.sync_api import Page

EM = 1000
# How wide letters are, as a share of the font's size. Condensed fonts are near the first, Verdana
# and DejaVu Sans near the second.
WIDTHS = {"narrow": 0.42, "wide": 0.64}
# Latin, Arabic and what marks them; each Japanese character is as wide as it is high.
LETTERS = (range(0x20, 0x250), range(0x600, 0x700), range(0x2010, 0x2050))
JAPANESE = (range(0x3000, 0x3100), range(0x4E00, 0xA000), range(0xFF00, 0xFFF0))


def use_font(page: Page, name: str) -> None:
    """Show a page in one of these fonts; its window must not obey the page's own policy."""
    source = f"url(data:font/ttf;base64,{_font(name)})"
    page.add_style_tag(
        content=f"@font-face {{ font-family: {name}; src: {source} }}"
        f" * {{ font-family: {name} !important }}"
    )
    page.evaluate("name => document.fonts.load(`16px ${name}`)", name)
    assert page.evaluate("name => document.fonts.check(`16px ${name}`)", name)


@lru_cache
def _font(name: str) -> str:
    """A font whose letters are all boxes of one width, in base64."""
    widths = {"letter": round(WIDTHS[name] * EM), "japanese": EM, ".notdef": EM}
    glyphs = {}
    for glyph, width in widths.items():
        pen = TTGlyphPen(None)
        pen.moveTo((50, 0))
        pen.lineTo((50, 700))
        pen.lineTo((width - 50, 700))
        pen.lineTo((width - 50, 0))
        pen.closePath()
        glyphs[glyph] = pen.glyph()
    characters = {
        code: glyph
        for glyph, ranges in (("letter", LETTERS), ("japanese", JAPANESE))
        for codes in ranges
        for code in codes
    }
    builder = FontBuilder(EM, isTTF=True)
    builder.setupGlyphOrder([".notdef", "letter", "japanese"])
    builder.setupCharacterMap(characters)
    builder.setupGlyf(glyphs)
    builder.setupHorizontalMetrics({glyph: (width, 50) for glyph, width in widths.items()})
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": name, "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=800, sTypoDescender=-200, usWinAscent=800, usWinDescent=200)
    builder.setupPost()
    file = BytesIO()
    builder.save(file)
    return base64.b64encode(file.getvalue()).decode()
