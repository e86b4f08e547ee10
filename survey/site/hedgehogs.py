"""`/hedgehogs`: how many hedgehogs were fed in each month, for everybody to see."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC

import structlog
from flask import Blueprint, Response, jsonify, render_template
from flask_babel import gettext as _

from survey.hedgehogs import Hedgehogs
from survey.months import Month
from survey.site.context import current_site
from survey.site.errors import error_page
from survey.site.language import current_language
from survey.site.month_names import month_name
from survey.store.errors import StoreError

hedgehogs = Blueprint("hedgehogs", __name__)
log = structlog.get_logger()

# The chart: so many months, each so wide, on a ground so high.
CHART_MONTHS = 13
BAR_STEP, BAR_WIDTH, CHART_HEIGHT = 40, 28, 120


@dataclass(frozen=True)
class Bar:
    """A month in the chart."""

    x: int
    height: float

    @property
    def y(self) -> float:
        """Where it begins, from above."""
        return round(CHART_HEIGHT - self.height, 1)


@hedgehogs.errorhandler(StoreError)
def show_failure(error: StoreError) -> tuple[str, int]:
    """Nothing is known yet, and the store cannot be read."""
    log.error("hedgehogs not counted", reason=str(error))
    return error_page(
        503, _("The hedgehogs cannot be counted just now"), _("Please come back in a minute.")
    )


@hedgehogs.get("/hedgehogs")
def show_months() -> str:
    """The page: a chart of the last months, a table of more, and a line for all before them."""
    counted = _look_up()
    months = counted.months
    shown = months[-CHART_MONTHS:]
    return render_template(
        "hedgehogs.html",
        rows=[(str(c.month), _name(c.month), c.hedgehogs) for c in reversed(months)],
        earlier=counted.earlier.hedgehogs,
        total=counted.total,
        bars=draw_bars([each.hedgehogs for each in shown]),
        chart_width=BAR_STEP * len(shown),
        chart_height=CHART_HEIGHT,
        bar_width=BAR_WIDTH,
        chart_ends=_name_ends([each.month for each in shown]),
        charity_name=current_site().settings.charity_name,
        charity_url=current_site().settings.charity_url,
    )


@hedgehogs.get("/hedgehogs.json")
def list_months() -> Response:
    """The same numbers for programs; its shape is described in docs/operators.md."""
    counted = _look_up()
    as_of = counted.counted_at.astimezone(UTC)
    answer = jsonify(
        {
            "timezone": str(current_site().settings.timezone),
            "as_of": as_of.isoformat(timespec="seconds").replace("+00:00", "Z"),
            "total": counted.total,
            "earlier": counted.earlier.hedgehogs,
            "months": [{"month": str(c.month), "hedgehogs": c.hedgehogs} for c in counted.months],
        }
    )
    # Nothing in it is anybody's own.
    answer.headers["Cache-Control"] = "public, max-age=60"
    return answer


def draw_bars(counts: Sequence[int]) -> list[Bar]:
    """The bars for these counts; the highest count fills the chart, one of 1 can still be seen."""
    highest = max(counts, default=0) or 1
    gap = (BAR_STEP - BAR_WIDTH) // 2
    return [
        Bar(place * BAR_STEP + gap, round(max(count / highest * CHART_HEIGHT, 2), 1))
        for place, count in enumerate(counts)
        if count
    ]


def _look_up() -> Hedgehogs:
    site = current_site()
    return site.hedgehogs.look_up(site.clock())


def _name_ends(months: Sequence[Month]) -> tuple[str, str]:
    return _name(months[0], short=True), _name(months[-1], short=True)


def _name(month: Month, *, short: bool = False) -> str:
    return month_name(month, current_language().locale, short=short)
