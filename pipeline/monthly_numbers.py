"""What a monthly report is made of."""

from dataclasses import dataclass
from datetime import datetime

import pandas as pd

from survey.months import Month


@dataclass(frozen=True)
class MonthlyNumbers:
    """One month's numbers, from one source, as of one moment.

    - `teams`, `trend`: the columns of `teams.csv` (`pipeline.metrics.TEAM_COLUMNS`). Counts are
      integers; percentages, points and means are `Decimal`, None where nothing can be said;
      `change_significant` is `up`, `down`, `no` or None. `trend` holds 13 months.
    - `counts`: `month, team, rating, responses`, this month's rows above 0.
    - `comments`: `ticket_id, team, rating, comment, answered_at, link_trust`, times in the
      reports' time zone.
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
