"""What all charts look like, and how a chart becomes SVG.

Colours are CSS custom properties, so that a chart follows light, dark and print; what stands behind
each comma is for a chart that is looked at alone.
"""

import re
from html import escape

import altair as alt
import vl_convert

ACCENT = "var(--accent, #b4530a)"
BAND = "var(--chart-band, #ecd3bd)"
INK = "var(--ink, #2b2622)"
QUIET = "var(--quiet, #665e55)"
TRACK = "var(--track, #e4ddd3)"
BAR = "var(--chart-bar, #cdc3b6)"
PAPER = "var(--paper, #ffffff)"

# In chart units. On a phone of 390 px a chart is about 350 px wide: text then stands at 11–12 px.
WIDTH = 480
TEXT = 16
FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"

CONFIG = {
    "background": "transparent",
    "font": FONT,
    "aria": False,
    "padding": 2,
    "axis": {
        "labelFontSize": TEXT,
        "labelColor": QUIET,
        "domain": False,
        "ticks": False,
        "gridColor": TRACK,
    },
    "view": {"stroke": None},
    "text": {"fontSize": TEXT},
}

# `alt.layer` says that it may return either of the first two.
Drawing = alt.LayerChart | alt.FacetChart | alt.VConcatChart

_ROOT = re.compile(r'<svg [^>]*viewBox="([\d. -]+)"[^>]*>')


def render(chart: Drawing, label: str) -> str:
    """Return the chart as one `<svg>` that scales to its place and reads aloud as its label."""
    # Checked by a test, not for each report: the check takes a tenth of a second.
    specification = chart.to_dict(validate=False) | {"config": CONFIG}
    svg = vl_convert.vegalite_to_svg(specification, allowed_base_urls=[])
    root = _ROOT.match(svg)
    if root is None:
        raise ValueError("the chart came out without a size")
    opening = (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="{root[1]}" width="100%" '
        f'role="img" aria-label="{escape(label)}">'
    )
    return opening + svg[root.end() :]
