"""The page of the demo's PostHog: what the set-up made, and the dashboard with its numbers."""

import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from demo.standin_page import HTML, Page, render
from demo.standin_setup import SetupService, Thing
from survey.differences import Line

# How many rows of a table, and how many months of a chart, the page shows.
SHOWN_ROWS, SHOWN_MONTHS = 12, 13
# The size of a chart, in its own units.
_WIDTH, _HEIGHT = 480, 150
_MARKER = re.compile(r"\s*\[csat:[\w-]+\]$")


@dataclass(frozen=True)
class Bar:
    """A bar of a chart, or a part of a stacked one: where it is, and what it says."""

    x: float
    y: float
    width: float
    height: float
    series: int
    label: str


@dataclass(frozen=True)
class ShownTile:
    """A tile of the dashboard: its place in the grid, its words, and its numbers."""

    x: int
    width: int
    name: str = ""
    text: Markup | None = None
    description: str = ""
    columns: Sequence[str] = ()
    rows: Sequence[Sequence[Any]] = ()
    series: Sequence[str] = ()
    lines: Sequence[str] = ()
    lowest: int = 0
    bars: Sequence[Bar] = ()


class DashboardPage:
    """Shows the dashboard as PostHog would, with the numbers that the stand-in computes from all
    events; `plan` is what the set-up said beforehand that it would make."""

    def __init__(self, setup: SetupService, plan: Sequence[Line]) -> None:
        self._setup = setup
        self._plan = plan
        self._lock = threading.Lock()

    def render(self) -> Page:
        """Return the page."""
        boards = [each for each in self._setup.things["dashboards"] if not each["deleted"]]
        # One evaluation at a time: who reloads an impatient page waits, and computes once.
        with self._lock:
            tiles = [tile for board in boards for tile in self._show_tiles(board)]
        html = render(
            "posthog.html",
            heading=boards[0]["name"] if boards else "PostHog",
            tiles=tiles,
            plan=self._plan,
            width=_WIDTH,
            height=_HEIGHT,
        )
        return Page(html.encode(), HTML)

    def _show_tiles(self, board: Thing) -> Iterator[ShownTile]:
        shown = [each for each in board["tiles"] if not each["deleted"]]
        insights = {each["id"]: each for each in self._setup.things["insights"]}
        chosen = [each["insight"] for each in shown if each["insight"] in insights]
        found = dict(
            zip(chosen, self._setup.evaluate([insights[each] for each in chosen]), strict=True)
        )
        for tile in sorted(shown, key=_place_of):
            place = tile["layouts"].get("sm", {"x": 0, "w": 6})
            if tile["text"]:
                text = _render_markdown(_MARKER.sub("", tile["text"]["body"]))
                yield ShownTile(place["x"], place["w"], text=text)
            elif tile["insight"] in found:
                yield _show_insight(insights[tile["insight"]], found[tile["insight"]], place)


def _place_of(tile: Thing) -> tuple[int, int]:
    place = tile["layouts"].get("sm", {"x": 0, "y": 99})
    return place["y"], place["x"]


def _show_insight(insight: Thing, found: dict[str, Any], place: dict[str, int]) -> ShownTile:
    columns, rows = found["columns"], found["result"]
    axes = insight["query"].get("chartSettings", {}).get("yAxis", [])
    series = [each["column"] for each in axes]
    months = rows[-SHOWN_MONTHS:]
    values = [[row[columns.index(name)] for row in months] for name in series]
    lowest = _find_lowest(values)
    is_line = insight["query"]["display"] == "ActionsLineGraph"
    return ShownTile(
        x=place["x"],
        width=place["w"],
        name=insight["name"],
        description=_MARKER.sub("", insight["description"]),
        columns=columns,
        rows=months[::-1] if series else rows[:SHOWN_ROWS],
        series=series,
        lines=[_draw_line(each, lowest) for each in values] if is_line else (),
        lowest=lowest,
        bars=list(_draw_bars(values, [row[0] for row in months])) if not is_line else (),
    )


def _find_lowest(values: Sequence[Sequence[float | None]]) -> int:
    """Return where a scale of per cent begins that shows how these shares differ."""
    known = [value for series in values for value in series if value is not None]
    return max(0, int(min(known, default=0)) // 10 * 10 - 10)


def _draw_line(values: Sequence[float | None], lowest: int) -> str:
    """Return shares in per cent as the points of a line, on a scale that ends at 100."""
    step = _WIDTH / max(len(values) - 1, 1)
    return " ".join(
        f"{number * step:.1f},{_HEIGHT * (100 - value) / (100 - lowest):.1f}"
        for number, value in enumerate(values)
        if value is not None
    )


def _draw_bars(values: Sequence[Sequence[int]], months: Sequence[str]) -> Iterator[Bar]:
    """Yield a bar for each month, of as many parts as there are series."""
    totals = [sum(parts) for parts in zip(*values, strict=True)]
    step, scale = _WIDTH / max(len(months), 1), _HEIGHT / (max(totals, default=0) or 1)
    for number, month in enumerate(months):
        top = float(_HEIGHT)
        for place, series in enumerate(values):
            height = series[number] * scale
            top -= height
            label = f"{month}: {series[number]}"
            yield Bar(number * step + step * 0.12, top, step * 0.76, height, place, label)


def _render_markdown(text: str) -> Markup:
    """Return the little Markdown of the note as HTML: paragraphs, lists, bold and code."""
    blocks = [_render_block(block) for block in text.split("\n\n")]
    return Markup("\n").join(blocks)


def _render_block(block: str) -> Markup:
    if block.startswith("- "):
        items = [Markup("<li>{}</li>").format(_render_words(each)) for each in _items_of(block)]
        return Markup("<ul>{}</ul>").format(Markup("").join(items))
    return Markup("<p>{}</p>").format(_render_words(block))


def _items_of(block: str) -> list[str]:
    return [line.removeprefix("- ") for line in block.splitlines()]


def _render_words(text: str) -> Markup:
    safe = str(escape(text))
    safe = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", safe)
    return Markup(re.sub(r"`(.+?)`", r"<code>\1</code>", safe))  # nosec B704 # escaped above
