"""From a source to one month's numbers."""

from datetime import datetime, tzinfo

import pandas as pd

from pipeline.donations import draft_month
from pipeline.metrics import TREND_MONTHS, tabulate_month, tabulate_trend
from pipeline.numbers import MonthlyNumbers
from pipeline.sources.source import OnProgress, Source
from survey.months import Month
from survey.settings import Settings


def number_month(
    source: Source,
    month: Month,
    settings: Settings,
    as_of: datetime,
    on_progress: OnProgress,
) -> MonthlyNumbers:
    """Everything that the report of one month shows."""
    timezone = settings.timezone
    # The oldest month of the trend is compared with the one before it.
    since = month.shift(-TREND_MONTHS)
    of_month = source.count_month(month, since, on_progress)
    counts, comments = of_month.counts, of_month.comment_counts
    teams = tabulate_month(counts, comments, month, settings.teams)
    hedgehogs = int(teams["responses"].iloc[-1])
    return MonthlyNumbers(
        month=month,
        source=source.description,
        as_of=as_of,
        teams=teams,
        counts=counts[counts["month"] == str(month)].reset_index(drop=True),
        trend=tabulate_trend(counts, comments, month, settings.teams),
        comments=_order_comments(of_month.commented, timezone),
        quality=of_month.quality,
        donations=draft_month(month, timezone, hedgehogs) if source.is_store else None,
    )


def _order_comments(commented: pd.DataFrame, timezone: tzinfo) -> pd.DataFrame:
    """Responses with a comment by the time of their first answer, then ticket."""
    ordered = commented.sort_values(["answered_at", "ticket_id"]).reset_index(drop=True)
    ordered["answered_at"] = ordered["answered_at"].dt.tz_convert(timezone)
    return ordered[["ticket_id", "team", "rating", "comment", "answered_at", "link_trust"]]
