"""From a source to one month's numbers."""

from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from pipeline.donations import draft_month
from pipeline.metrics import TREND_MONTHS, tabulate_month, tabulate_trend
from pipeline.sources.base import OnProgress, Source
from survey.months import Month
from survey.settings import Settings


@dataclass(frozen=True)
class MonthlyNumbers:
    """One month's numbers, from one source, as of one moment.

    - `teams`, `trend`: the columns of `teams.csv` (`pipeline.metrics.TEAM_COLUMNS`). Counts are
      integers; percentages, points and means are `Decimal`, None where nothing can be said;
      `change_significant` is `up`, `down`, `no` or None. `trend` holds 13 months.
    - `counts`: `month, team, rating, responses`, this month's rows above 0.
    - `comments`: `ticket_id, team, rating, comment, answered_at, link_trust, language`, times in
      the reports' time zone.
    - `quality`: `reason, answers`.
    - `donations`: this month's line of the donation export; None for sources that are not the
      store.
    - `source`: where the answers come from, in words.
    """

    month: Month
    source: str
    as_of: datetime
    teams: pd.DataFrame
    counts: pd.DataFrame
    trend: pd.DataFrame
    comments: pd.DataFrame
    quality: pd.DataFrame
    donations: pd.DataFrame | None


def number_month(
    source: Source,
    month: Month,
    settings: Settings,
    as_of: datetime,
    on_progress: OnProgress,
) -> MonthlyNumbers:
    """Return everything that the report of one month shows."""
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
