"""Charts as pictures, for programs that show no SVG: mail programs above all."""

import re

import vl_convert

# A property of the page, and the colour that a chart has without one (`charts.style`).
_PROPERTY = re.compile(r"var\(--[a-z-]+, (#[0-9a-f]{6})\)")
_VIEW_BOX = re.compile(r'<svg [^>]*viewBox="(-?\d+) (-?\d+) (\d+) (\d+)"[^>]*>')


def draw_png(svg: str, width: int) -> bytes:
    """Return a chart of ours as a PNG of about this width in pixels, in the colours of a light
    page, on a white ground."""
    opening = _VIEW_BOX.search(svg)
    assert opening is not None  # every chart says what it shows
    left, top, chart_width, height = opening.groups()
    ground = f'<rect x="{left}" y="{top}" width="{chart_width}" height="{height}" fill="#ffffff"/>'
    # Not added: what is safe in HTML would escape the ground.
    whole = f"{svg[: opening.end()]}{ground}{svg[opening.end() :]}"
    return vl_convert.svg_to_png(
        _PROPERTY.sub(r"\1", whole), scale=round(width / int(chart_width), 3)
    )
