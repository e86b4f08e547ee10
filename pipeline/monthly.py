"""From a source to one month's numbers."""

from datetime import datetime

from pipeline.donations import draft_month
from pipeline.metrics import TREND_MONTHS, tabulate_month, tabulate_trend
from pipeline.monthly_numbers import MonthlyNumbers
from pipeline.sources.base import OnProgress, Source
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
    answered_at = of_month.comments["answered_at"].dt.tz_convert(timezone)
    return MonthlyNumbers(
        month=month,
        source=source.description,
        as_of=as_of,
        teams=teams,
        counts=counts[counts["month"] == str(month)].reset_index(drop=True),
        trend=tabulate_trend(counts, comments, month, settings.teams),
        comments=of_month.comments.assign(answered_at=answered_at),
        quality=of_month.quality,
        donations=draft_month(month, timezone, hedgehogs) if source.is_store else None,
    )
