"""CSAT, responses and page views by week, for a trend that is finer than months."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, timedelta

import pandas as pd

from pipeline.metrics import ALL, tabulate_periods
from survey.periods import Period

# Half a year.
WEEKS = 26
WEEK_COLUMNS = (
    *("week_from", "week_to", "page_views", "responses", "satisfied", "csat_pct"),
    *("csat_low", "csat_high"),
)


def weeks_up_to(last: date) -> list[Period]:
    """Return the weeks, from Monday to Sunday, that end with the one of this day, oldest first."""
    return Period.of_week(last).up_to(WEEKS)


def tabulate_weeks(
    counts: pd.DataFrame, weeks: Sequence[Period], page_views: Iterable[tuple[date, int]]
) -> pd.DataFrame:
    """Return `WEEK_COLUMNS`, a row per week: all teams of the counts together.

    `counts` is as `schemas.COUNTS`, with the names of the weeks in the column `month`;
    `page_views` says how many there were on a day.
    """
    views: Counter[date] = Counter()
    for day, number in page_views:
        views[day - timedelta(days=day.weekday())] += number
    no_comments = pd.DataFrame({"month": [], "team": [], "comments": []}).astype(
        {"month": "str", "team": "str", "comments": "int64"}
    )
    pooled = tabulate_periods(counts, no_comments, weeks, ())
    pooled = pooled[pooled["team"] == ALL]
    rows = [
        {
            "week_from": week.first,
            "week_to": week.last,
            "page_views": views[week.first],
            **{name: row[name] for name in WEEK_COLUMNS[3:]},
        }
        for week, row in zip(weeks, pooled.to_dict("records"), strict=True)
    ]
    return pd.DataFrame(rows, columns=list(WEEK_COLUMNS), dtype="object")
