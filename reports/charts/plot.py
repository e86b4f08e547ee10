"""What all charts by period share: their measures, the names along them, and the words of their
marks."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from xml.etree import ElementTree

from reports.charts.style import SVG, Records

# Names of periods that fit beside each other, in any font.
MOST_LABELS = 5


@dataclass(frozen=True)
class Size:
    """The measures of a chart, in chart units: its plot, and the room around it for labels, with
    space for a wide font."""

    width: int
    height: int
    text: int
    left: int
    top: int
    right: int
    bottom: int

    @property
    def box(self) -> tuple[int, int, int, int]:
        """What the chart shows: left, top, width, height."""
        return (
            -self.left,
            -self.top,
            self.left + self.width + self.right,
            self.top + self.height + self.bottom,
        )


def label_periods(names: Sequence[tuple[str, str]]) -> Records:
    """Return the names of some periods, as many as fit, counted from the last; the year below where
    it is new."""
    step = -(-len(names) // MOST_LABELS)
    places = list(range(len(names)))[::-step][::-1]
    years = ["", *(names[place][1] for place in places)]
    return [
        {"place": place, "label": names[place][0], "year": year if year != before else ""}
        for place, (before, year) in zip(places, pairwise(years), strict=True)
    ]


def tell_marks(
    view: ElementTree.Element, kind: str, words: Sequence[tuple[str, str | None]]
) -> None:
    """Give each mark of a view its words, and where there is an address, a link around it: a title
    for who points at it. `kind` is Vega's for the marks, `symbol` or `rect`; Vega would make the
    addresses absolute."""
    (group,) = (
        group
        for group in view.iter(f"{{{SVG}}}g")
        if (group.get("class") or "").startswith(f"mark-{kind} role-mark")
    )
    for place, (element, (title, address)) in enumerate(zip([*group], words, strict=True)):
        ElementTree.SubElement(element, f"{{{SVG}}}title").text = title
        if address is not None:
            link = ElementTree.Element(f"{{{SVG}}}a", {"href": address, "aria-label": title})
            link.append(element)
            group[place] = link
