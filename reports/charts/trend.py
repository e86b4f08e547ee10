"""The charts of the trend: all teams together, and a small one for each team."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import altair as alt

from reports.charts.plot import Size, label_periods, tell_marks
from reports.charts.style import (
    ACCENT,
    BAND,
    INK,
    PAPER,
    QUIET,
    TRACK,
    Records,
    draw_views,
    write_svg,
)
from reports.shown_trend import ShownMark, ShownTrend, TrendPoint
from reports.wording import shorten_period

# The scale begins here, or lower where shares are lower.
HIGHEST_FLOOR = 60
# How high the point that says where something happened stands above the plot, in chart units.
MARK_HEIGHT = 12


# On a phone of 390 px a chart is about 350 px wide; both then have text of 11 px or more.
LARGE = Size(width=430, height=210, text=15, left=56, top=28, right=8, bottom=46)
SMALL = Size(width=268, height=104, text=12, left=44, top=22, right=6, bottom=36)


# Drawing takes as long as everything else on a page, and most pages are read again unchanged.
@lru_cache(maxsize=64)
def draw_together(trend: ShownTrend, marks: tuple[ShownMark, ...]) -> str:
    """Return the large chart of one trend."""
    return _draw([trend], marks, LARGE)[0]


@lru_cache(maxsize=64)
def draw_teams(trends: tuple[ShownTrend, ...], marks: tuple[ShownMark, ...]) -> list[str]:
    """Return a small chart for each trend, all with one scale, so that they can be compared."""
    return _draw(trends, marks, SMALL) if trends else []


def _draw(trends: Sequence[ShownTrend], marks: Sequence[ShownMark], size: Size) -> list[str]:
    floor = _find_floor([point for trend in trends for point in trend.points])
    periods = [point.period for point in trends[0].points]
    datasets: dict[str, Records] = {
        "points": [
            record for place, trend in enumerate(trends) for record in _record(trend, place, floor)
        ],
        "grid": [
            {"share": share, "label": f"{share}%"}
            for share in range(floor, 101, 20 if floor < 40 or size is SMALL else 10)
        ],
        "periods": label_periods([shorten_period(period) for period in periods]),
        "marks": [{"place": mark.place, "label": str(mark.number)} for mark in marks],
    }
    views = draw_views(_build(size, floor, len(periods)), datasets)
    for view, trend in zip(views, trends, strict=True):
        shown = [point for point in trend.points if point.share is not None]
        tell_marks(view, "symbol", [(point.words, point.address) for point in shown])
    return [write_svg(view, size.box, each.words) for view, each in zip(views, trends, strict=True)]


def _find_floor(points: Sequence[TrendPoint]) -> int:
    """Return where the scale begins: at a ten below every share and limit. Intervals may go below:
    a team with three responses must not flatten all others."""
    lows = [
        value
        for point in points
        for value in (point.share, point.lower)
        if value is not None and not point.is_small
    ]
    lowest = int(min(lows, default=HIGHEST_FLOOR) // 20 * 20)
    return max(0, min(HIGHEST_FLOOR, lowest))


def _record(trend: ShownTrend, team: int, floor: int) -> Records:
    """Return what the chart needs of a trend; floats only place marks, texts keep the digits."""

    def at(value: Any) -> float | None:
        return None if value is None else max(float(value), float(floor))

    empty = [True, *(point.share is None for point in trend.points), True]
    records = []
    for place, point in enumerate(trend.points):
        # A band has no width at a period with a gap on both sides, which gets a bar.
        is_lone = empty[place] and empty[place + 2]
        records.append(
            {
                "team": team,
                "place": place,
                "share": at(point.share),
                "low": at(point.low),
                "high": at(point.high),
                "lone_low": at(point.low) if is_lone else None,
                "lower": at(point.lower),
                "upper": at(point.upper),
                **_style(point),
            }
        )
    return records


def _style(point: TrendPoint) -> dict[str, Any]:
    """Return how a point looks: outside the limits a triangle in the accent, with few responses
    hollow."""
    if point.signal:
        shape = "triangle-up" if point.signal == "above" else "triangle-down"
        return {"shape": shape, "fill": ACCENT, "stroke": PAPER, "size": 3.2}
    if point.is_small:
        return {"shape": "circle", "fill": PAPER, "stroke": QUIET, "size": 0.8}
    return {"shape": "circle", "fill": INK, "stroke": PAPER, "size": 1}


@lru_cache(maxsize=64)
def _build(size: Size, floor: int, periods: int) -> dict[str, Any]:
    """Return the specification of charts of this size, one view per team, without their data. It is
    kept, because building it takes as long as drawing it."""
    share = alt.Scale(domain=[floor, 100], nice=False, zero=False)
    place = alt.Scale(domain=[-0.5, periods - 0.5], nice=False, zero=False)

    def x(field: str) -> alt.X:
        return alt.X(f"{field}:Q", scale=place, axis=None)

    def y(field: str) -> alt.Y:
        return alt.Y(f"{field}:Q", scale=share, axis=None)

    def look(field: str, channel: Any) -> Any:
        return channel(f"{field}:N", scale=None)

    gaps: Any = "break-paths-show-domains"
    # Without data of its own it takes what the facet hands to each view.
    points = alt.Chart().encode(x=x("place"))
    grid = alt.Chart(alt.NamedData("grid")).encode(y=y("share"))
    names = alt.Chart(alt.NamedData("periods")).encode(x=x("place"))
    marks = alt.Chart(alt.NamedData("marks")).encode(x=x("place"))
    label: dict[str, Any] = {"fontSize": size.text, "color": QUIET, "align": "right"}
    below: dict[str, Any] = {**label, "align": "center", "baseline": "top"}
    limit: dict[str, Any] = {
        "interpolate": "step",
        "stroke": QUIET,
        "strokeWidth": 1.25,
        "strokeDash": [4, 3],
        "invalid": gaps,
    }
    chart = alt.layer(
        grid.mark_rule(stroke=TRACK, strokeWidth=1).encode(x=alt.value(0), x2=alt.value("width")),
        points.mark_area(fill=BAND, opacity=0.8, invalid=gaps).encode(y=y("low"), y2="high"),
        points.mark_rule(stroke=BAND, strokeWidth=7).encode(y=y("lone_low"), y2="high"),
        points.mark_line(**limit).encode(y=y("lower")),
        points.mark_line(**limit).encode(y=y("upper")),
        marks.mark_rule(stroke=QUIET, strokeWidth=0.75).encode(
            y=alt.value(-4), y2=alt.value("height")
        ),
        marks.mark_text(**{**label, "align": "center", "color": INK}, fontWeight=600).encode(
            y=alt.value(-MARK_HEIGHT), text="label:N"
        ),
        points.mark_line(stroke=INK, strokeWidth=2, invalid=gaps).encode(y=y("share")),
        points.mark_point(strokeWidth=1.5, opacity=1).encode(
            y=y("share"),
            shape=look("shape", alt.Shape),
            fill=look("fill", alt.Fill),
            stroke=look("stroke", alt.Stroke),
            size=alt.Size("size:Q", scale=alt.Scale(domain=[0, 1], range=[0, 3.2 * size.text])),
        ),
        grid.mark_text(**label, dx=-8, baseline="middle").encode(x=alt.value(0), text="label:N"),
        names.mark_text(**below).encode(y=alt.value(size.height + 8), text="label:N"),
        names.mark_text(**below).encode(y=alt.value(size.height + 10 + size.text), text="year:N"),
    ).properties(width=size.width, height=size.height)
    faceted = chart.facet(
        facet=alt.Facet("team:O", header=alt.Header(labels=False, title=None)),
        columns=1,
        data=alt.NamedData("points"),
    )
    # Checked by a test, not for each report: the check takes a tenth of a second.
    return dict(faceted.to_dict(validate=False))
