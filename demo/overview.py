"""The content of the demo's first page: addresses to open for each of four kinds of people, and
numbers of the sample."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

# The kinds of people for whom the page has entries.
CUSTOMER, LEAD, FINANCE, OPERATOR = PARTS = ("customer", "lead", "finance", "operator")

# The width and height of the trend's picture.
_WIDTH, _HEIGHT = 300, 64


@dataclass(frozen=True)
class Entry:
    """An entry of the page: a web address to open, or a path that is only shown."""

    part: str
    label: str
    address: str


@dataclass(frozen=True)
class Highlights:
    """One month of the sample: CSAT, its change in words, the number of responses, and a line
    through the CSAT of thirteen months."""

    month: str
    csat: str
    change: str
    responses: int
    line: str


def read_highlights(folder: Path) -> Highlights | None:
    """Return the numbers of the report in this folder. Return None if no report can be read."""
    try:
        *_, total = _read(folder / "teams.csv")
        trend = [row for row in _read(folder / "trend.csv") if row["team"] == "all"]
        points = [float(row["csat_pct"]) for row in trend if row["csat_pct"]]
        return Highlights(
            month=total["month"],
            csat=f"{float(total['csat_pct']):.1f}",
            change=_describe_change(total),
            responses=int(total["responses"]),
            line=_draw_line(points),
        )
    except (OSError, ValueError, KeyError):
        return None


def _read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _describe_change(row: dict[str, str]) -> str:
    if row["change_significant"] in ("up", "down"):
        points = abs(float(row["change_pp"]))
        return f"{row['change_significant']} {points:.1f} points, a clear change"
    return "no clear change"


def _draw_line(values: Sequence[float]) -> str:
    """Return the values as the points of a line, from left to right, in SVG's format."""
    low, high = min(values), max(values)
    step = _WIDTH / max(len(values) - 1, 1)
    scale = _HEIGHT / ((high - low) or 1)
    return " ".join(
        f"{index * step:.1f},{_HEIGHT - (value - low) * scale:.1f}"
        for index, value in enumerate(values)
    )
