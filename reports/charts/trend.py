"""The chart of thirteen months."""

import json
from calendar import month_abbr
from typing import Any

import altair as alt
import pandas as pd

from pipeline.metrics import ALL, TREND_MONTHS
from reports.charts.style import ACCENT, BAND, BAR, PAPER, QUIET, TEXT, WIDTH, Drawing, render
from reports.rows import count_responses, list_rows
from survey.months import Month, months_up_to


def draw_trend(trend: pd.DataFrame) -> str:
    """CSAT of all teams together over 13 months with its interval, and each month's responses.

    A month without responses leaves a gap. Empty text if no month has any.
    """
    found = {row["month"]: row for row in list_rows(trend) if row["team"] == ALL}
    if not any(row["responses"] for row in found.values()):
        return ""
    months = months_up_to(Month.parse(max(found)), TREND_MONTHS)
    points = [_read_month(month, found.get(str(month))) for month in months]
    _mark_lone_months(points)
    words = "; ".join(point["words"] for point in points)
    label = f"CSAT of all teams together over {TREND_MONTHS} months, with its 95% interval and "
    return render(_build_trend(points), f"{label}the number of responses. {words}.")


def _read_month(month: Month, row: dict[str, Any] | None) -> dict[str, Any]:
    """Return what the chart needs of a month; a month without responses has no share to place."""
    name = f"{month_abbr[month.number]} {month.year}"
    if row is None or not row["responses"]:
        empty = {"csat": None, "low": None, "high": None, "responses": 0, "count": ""}
        return empty | {"month": str(month), "words": f"{name}: no responses"}
    interval = f"{row['csat_low']:.2f} to {row['csat_high']:.2f}"
    return {
        "month": str(month),
        "csat": float(row["csat_pct"]),
        "low": float(row["csat_low"]),
        "high": float(row["csat_high"]),
        "responses": int(row["responses"]),
        "count": _shorten(row["responses"]),
        "words": f"{name}: {row['csat_pct']:.2f}%, interval {interval}, "
        f"{count_responses(row['responses'])}",
    }


def _mark_lone_months(points: list[dict[str, Any]]) -> None:
    """Marks months with a gap on both sides: a band has no width there, so they get a bar."""
    empty = [True, *(point["csat"] is None for point in points), True]
    for place, point in enumerate(points, start=1):
        point["lone"] = empty[place - 1] and empty[place + 1] and not empty[place]


def _shorten(number: int) -> str:
    """Return a number that fits above a narrow bar: 812, 1.2k, 13k."""
    if number < 1000:
        return str(number)
    return f"{number / 1000:.1f}k" if number < 9950 else f"{number / 1000:.0f}k"


def _build_trend(points: list[dict[str, Any]]) -> Drawing:
    """CSAT with its band above, responses as bars below, on the same months."""
    data = pd.DataFrame(points)
    size = {"width": WIDTH - 50}
    padding = alt.Scale(paddingOuter=0.3)
    bars = alt.Chart(data).encode(
        x=alt.X("month:O", axis=_label_months(points), scale=padding),
        # Not stacked: stacked bars come with a clip path, whose id differs from drawing to drawing.
        y=alt.Y("responses:Q", axis=None, stack=None),
    )
    counts = alt.layer(
        bars.mark_bar(color=BAR),
        bars.mark_text(dy=-10, color=QUIET, fontSize=TEXT - 1).encode(text="count:N"),
    ).properties(height=80, **size)
    x = alt.X("month:O", axis=None, scale=padding)
    return alt.vconcat(_build_csat(data, x).properties(height=220, **size), counts, spacing=24)


def _build_csat(data: pd.DataFrame, x: alt.X) -> Drawing:
    """Return the line of CSAT in its band; the scale starts at 60 % or at the ten below the lowest
    end."""
    floor = min(60, int(data["low"].min() // 10 * 10))
    ticks = list(range(floor, 101, 10 if floor >= 40 else 20))
    axis = alt.Axis(values=ticks, labelExpr="datum.value + '%'", grid=True, title=None)
    scale = alt.Scale(domain=[floor, 100], nice=False)
    base = alt.Chart(data).encode(x=x)
    gaps: Any = "break-paths-show-domains"

    def at(field: str) -> alt.Y:
        return alt.Y(f"{field}:Q", scale=scale, axis=axis)

    lone = base.transform_filter("datum.lone").mark_rule(stroke=BAND, strokeWidth=7)
    return alt.layer(
        base.mark_area(color=BAND, opacity=0.75, invalid=gaps).encode(y=at("low"), y2="high"),
        lone.encode(y=at("low"), y2="high"),
        base.mark_line(color=ACCENT, strokeWidth=3, invalid=gaps).encode(y=at("csat")),
        base.transform_filter("datum.csat !== null")
        .mark_point(size=70, fill=ACCENT, stroke=PAPER, strokeWidth=1.5, opacity=1)
        .encode(y=at("csat")),
    )


def _label_months(points: list[dict[str, Any]]) -> alt.Axis:
    """Return every third month by name, counted from the last; its year below where it is new."""
    labels, year_shown = {}, 0
    for point in points[::-3][::-1]:
        month = Month.parse(point["month"])
        year = [] if month.year == year_shown else [str(month.year)]
        labels[point["month"]] = [month_abbr[month.number], *year]
        year_shown = month.year
    return alt.Axis(
        values=list(labels), labelExpr=f"({json.dumps(labels)})[datum.value]", labelAngle=0,
        labelOverlap=False, labelPadding=6, grid=False, title=None,
    )  # fmt: skip
