"""The chart of hedgehogs by month, which says what has become of each month."""

from functools import lru_cache
from typing import Any

import altair as alt

from pipeline.donations.ledger import Status
from reports.charts.plot import Size, label_periods, tell_marks
from reports.charts.style import ACCENT, BAND, PAPER, QUIET, TRACK, Records, draw_views, write_svg
from reports.shown_donations import ShownMonth
from reports.wording import shorten_period
from survey.periods import Period

# On a phone each bar still has the width of a finger's tip.
MOST_MONTHS = 24
SIZE = Size(width=430, height=190, text=15, left=56, top=14, right=8, bottom=46)
# With fewer months than this, bars are no wider, but to the left.
_FEWEST_PLACES = 8
# How many lines of the grid there are at most, above that of 0.
_MOST_LINES = 4

# How a bar looks: its filling, its outline, and the dashes of that. No two differ in colour alone.
_PAID: dict[str, Any] = {"fill": ACCENT, "stroke": ACCENT, "dash": [1, 0]}
_DUE: dict[str, Any] = {"fill": PAPER, "stroke": ACCENT, "dash": [1, 0]}
_PARTLY_PAID: dict[str, Any] = {"fill": BAND, "stroke": ACCENT, "dash": [1, 0]}
_OPEN: dict[str, Any] = {"fill": PAPER, "stroke": QUIET, "dash": [4, 3]}
_NOT_OWED: dict[str, Any] = {"fill": TRACK, "stroke": TRACK, "dash": [1, 0]}


@lru_cache(maxsize=16)
def draw_hedgehogs(months: tuple[ShownMonth, ...], addresses: tuple[str, ...]) -> str:
    """Return the chart of months, oldest first, each with the address of its page."""
    most = max((each.hedgehogs for each in months), default=0)
    lines = list_grid(most)
    datasets: dict[str, Records] = {
        "bars": [
            {"view": 0, "from": place - 0.36, "to": place + 0.36, "hedgehogs": each.hedgehogs}
            | _look(each)
            for place, each in enumerate(months)
        ],
        "grid": [{"hedgehogs": line, "label": _shorten(line)} for line in lines],
        "periods": label_periods([shorten_period(Period.of_month(each.month)) for each in months]),
    }
    (view,) = draw_views(_build(len(months), max(most, lines[-1])), datasets)
    told = [(each.words, address) for each, address in zip(months, addresses, strict=True)]
    tell_marks(view, "rect", told)
    words = "; ".join(each.words for each in months)
    return write_svg(view, SIZE.box, f"Hedgehogs by month. {words}.")


def list_grid(most: int) -> list[int]:
    """Return the numbers at which the grid has lines: round ones, from 0 on."""
    unit = 1
    while True:
        for factor in (1, 2, 5):
            step = factor * unit
            if step * _MOST_LINES >= most:
                return list(range(0, max(most, 1) + 1, step))
        unit *= 10


def _look(month: ShownMonth) -> dict[str, Any]:
    if month.is_settled:
        return _PAID
    return {
        Status.OPENING: _NOT_OWED,
        Status.OPEN: _OPEN,
        Status.PARTLY_PAID: _PARTLY_PAID,
    }.get(month.status, _DUE)


def _shorten(number: int) -> str:
    """Return a number of the grid in few letters: `2,500`, `40k`, `2M`."""
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if number >= 10 * size or (number >= size and not number % size and size > 1_000):
            return f"{number / size:,.10g}{letter}"
    return f"{number:,}"


@lru_cache(maxsize=16)
def _build(months: int, most: int) -> dict[str, Any]:
    """Return the specification of the chart without its data."""
    places = max(months, _FEWEST_PLACES)
    place = alt.Scale(domain=[-0.5, places - 0.5], nice=False, zero=False)
    number = alt.Scale(domain=[0, most], nice=False)

    def look(field: str, channel: Any) -> Any:
        return channel(f"{field}:N", scale=None)

    def y(field: str) -> alt.Y:
        return alt.Y(f"{field}:Q", scale=number, axis=None)

    grid = alt.Chart(alt.NamedData("grid")).encode(y=y("hedgehogs"))
    names = alt.Chart(alt.NamedData("periods")).encode(x=alt.X("place:Q", scale=place, axis=None))
    label: dict[str, Any] = {"fontSize": SIZE.text, "color": QUIET, "align": "right"}
    below: dict[str, Any] = {**label, "align": "center", "baseline": "top"}
    bars = alt.Chart().encode(
        x=alt.X("from:Q", scale=place, axis=None), x2="to", y=y("hedgehogs"), y2=alt.datum(0)
    )
    chart = alt.layer(
        grid.mark_rule(stroke=TRACK, strokeWidth=1).encode(x=alt.value(0), x2=alt.value("width")),
        bars.mark_bar(strokeWidth=1.75).encode(
            fill=look("fill", alt.Fill),
            stroke=look("stroke", alt.Stroke),
            strokeDash=look("dash", alt.StrokeDash),
        ),
        grid.mark_text(**label, dx=-8, baseline="middle").encode(x=alt.value(0), text="label:N"),
        names.mark_text(**below).encode(y=alt.value(SIZE.height + 8), text="label:N"),
        names.mark_text(**below).encode(y=alt.value(SIZE.height + 10 + SIZE.text), text="year:N"),
    ).properties(width=SIZE.width, height=SIZE.height)
    faceted = chart.facet(
        facet=alt.Facet("view:O", header=alt.Header(labels=False, title=None)),
        columns=1,
        data=alt.NamedData("bars"),
    )
    # Checked by a test, not for each page: the check takes a tenth of a second.
    return dict(faceted.to_dict(validate=False))
