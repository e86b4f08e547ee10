"""`/hedgehogs`: a public page with the number of hedgehogs fed in each month."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC

import structlog
from flask import Blueprint, Response, jsonify, render_template
from flask_babel import gettext as _

from survey.hedgehogs import Hedgehogs
from survey.site.charity import find_charity
from survey.site.context import current_site
from survey.site.errors import error_page
from survey.site.language import current_language
from survey.site.month_names import month_name
from survey.store.errors import StoreError

hedgehogs = Blueprint("hedgehogs", __name__)
log = structlog.get_logger()

# The least width of a bar, in per cent of the widest: even one hedgehog must be visible.
LEAST_BAR_WIDTH = 0.5


@dataclass(frozen=True)
class Row:
    """A month in the table. `bar_width` is in per cent of the widest."""

    month: str
    name: str
    is_closed: bool
    hedgehogs: int
    bar_width: float


@hedgehogs.errorhandler(StoreError)
def show_failure(error: StoreError) -> tuple[str, int]:
    """Answer 503: no counts are known yet, and the store cannot be read."""
    log.error("hedgehogs not counted", reason=str(error))
    return error_page(
        503, _("The hedgehogs cannot be counted just now"), _("Please come back in a minute.")
    )


@hedgehogs.get("/hedgehogs")
def show_months() -> str:
    """Return the page. It shows the last months, newest first, each with a bar, and one line for
    all earlier months. Once a month is closed, the totals of closed and of other months follow,
    and what changed in closed months and waits for the next close."""
    counted = _look_up()
    months = counted.months[::-1]
    widths = measure_bars([each.hedgehogs for each in months])
    locale = current_language().locale
    return render_template(
        "hedgehogs.html",
        rows=[
            Row(
                month=str(each.month),
                name=month_name(each.month, locale),
                is_closed=each.is_closed,
                hedgehogs=each.hedgehogs,
                bar_width=width,
            )
            for each, width in zip(months, widths, strict=True)
        ],
        fed=counted,
        fed_by=find_charity(current_site().settings, counted.charity_name),
    )


@hedgehogs.get("/hedgehogs.json")
def list_months() -> Response:
    """Return the same numbers as JSON for programs. docs/operators.md describes the format."""
    counted = _look_up()
    as_of = counted.counted_at.astimezone(UTC)
    answer = jsonify(
        {
            "timezone": str(current_site().settings.timezone),
            "as_of": as_of.isoformat(timespec="seconds").replace("+00:00", "Z"),
            "total": counted.total,
            "closed": counted.closed,
            "running": counted.running,
            "unsettled": counted.unsettled,
            "earlier": counted.earlier,
            "months": [
                {
                    "month": str(each.month),
                    "hedgehogs": each.hedgehogs,
                    "status": "closed" if each.is_closed else "open",
                }
                for each in counted.months
            ],
        }
    )
    # The answer holds no personal data.
    answer.headers["Cache-Control"] = "public, max-age=60"
    return answer


def measure_bars(counts: Sequence[int]) -> list[float]:
    """Return the widths of the bars for these counts, in per cent. The highest count has 100, and
    a bar is at least so wide that it can be seen."""
    highest = max(counts, default=0) or 1
    return [round(max(100 * count / highest, LEAST_BAR_WIDTH), 1) for count in counts]


def _look_up() -> Hedgehogs:
    site = current_site()
    return site.hedgehogs.look_up(site.clock())
