"""What all charts look like, and how a chart becomes SVG.

Colours are CSS custom properties, so that a chart follows light, dark and print; what stands behind
each comma is for a chart that is looked at alone.
"""

from collections.abc import Mapping
from threading import Thread
from typing import Any
from xml.etree import ElementTree

import vl_convert

ACCENT = "var(--accent, #b4530a)"
BAND = "var(--chart-band, #ecd3bd)"
INK = "var(--ink, #2b2622)"
QUIET = "var(--quiet, #665e55)"
TRACK = "var(--track, #e4ddd3)"
PAPER = "var(--paper, #ffffff)"

FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif"

CONFIG = {
    "background": "transparent",
    "font": FONT,
    "aria": False,
    "padding": 0,
    "view": {"stroke": None},
}

SVG = "http://www.w3.org/2000/svg"
ElementTree.register_namespace("", SVG)

Records = list[dict[str, Any]]


def start_drawing() -> None:
    """Start what draws the charts, in a thread of its own. The first chart takes a third of a
    second longer than the others, which can pass while the numbers are read."""
    specification = {"data": {"values": []}, "mark": "point"}

    def draw() -> None:
        vl_convert.vegalite_to_svg(specification, allowed_base_urls=[])

    Thread(target=draw, daemon=True, name="charts").start()


def draw_views(
    specification: Mapping[str, Any], datasets: Mapping[str, Records]
) -> list[ElementTree.Element]:
    """Return the views of a faceted Vega-Lite chart, in their order, each as a group of SVG whose
    origin is the upper left corner of its plot."""
    whole = {**specification, "config": CONFIG, "datasets": datasets}
    svg = vl_convert.vegalite_to_svg(whole, allowed_base_urls=[])
    root = ElementTree.fromstring(svg)  # nosec B314 # made by us just now, it names no entities
    views = [
        view
        for group in root.iter(f"{{{SVG}}}g")
        if group.get("class") == "mark-group role-scope cell"
        for view in group
    ]
    for view in views:
        del view.attrib["transform"]
        # Vega's own words about its parts: the chart has a text alternative as a whole.
        for part in view.iter():
            for name in ("role", "aria-roledescription", "aria-hidden"):
                part.attrib.pop(name, None)
        # What the facet is called stands in the page.
        for group in [*view.iter()]:
            for part in group.findall("*[@class='mark-group role-title']"):
                group.remove(part)
    return views


def write_svg(view: ElementTree.Element, box: tuple[int, int, int, int], label: str) -> str:
    """Return a view as one `<svg>` that scales to its place and reads aloud as its label. `box` is
    what it shows: left, top, width, height."""
    has_links = view.find(f".//{{{SVG}}}a") is not None
    root = ElementTree.Element(
        f"{{{SVG}}}svg",
        {
            "class": "chart",
            "viewBox": " ".join(map(str, box)),
            "fill": "none",
            # What is an image has nothing inside that one could reach.
            "role": "group" if has_links else "img",
            "aria-label": label,
        },
    )
    root.append(view)
    return ElementTree.tostring(root, encoding="unicode")
