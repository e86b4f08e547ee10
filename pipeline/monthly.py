"""From decided answers to one month's numbers."""

from datetime import datetime, tzinfo

import pandas as pd

from pipeline.counts import count_comments, count_outcomes, count_responses
from pipeline.donations import draft_month
from pipeline.metrics import TREND_MONTHS, tabulate_month, tabulate_trend
from pipeline.numbers import MonthlyNumbers
from pipeline.rules import derive_responses
from pipeline.sources.source import Source
from survey.months import Month
from survey.settings import Settings


def number_month(
    source: Source,
    decided: pd.DataFrame,
    month: Month,
    settings: Settings,
    as_of: datetime,
) -> MonthlyNumbers:
    """Everything that the report of one month shows."""
    timezone = settings.timezone
    responses = derive_responses(decided, timezone)
    # The oldest month of the trend is compared with the one before it.
    responses = responses[responses["month"] >= str(month.shift(-TREND_MONTHS))]
    counts, comments = count_responses(responses), count_comments(responses)
    teams = tabulate_month(counts, comments, month, settings.teams)
    hedgehogs = int(teams["responses"].iloc[-1])
    return MonthlyNumbers(
        month=month,
        source=source.description,
        as_of=as_of,
        teams=teams,
        counts=counts[counts["month"] == str(month)].reset_index(drop=True),
        trend=tabulate_trend(counts, comments, month, settings.teams),
        comments=_comments(responses, month, timezone),
        quality=count_outcomes(decided, str(month), timezone),
        donations=draft_month(month, timezone, hedgehogs) if source.is_store else None,
    )


def _comments(responses: pd.DataFrame, month: Month, timezone: tzinfo) -> pd.DataFrame:
    """The month's responses with a comment, by the time of their first answer, then ticket."""
    chosen = responses[(responses["month"] == str(month)) & responses["comment"].notna()]
    ordered = chosen.sort_values(["answered_at", "ticket_id"]).reset_index(drop=True)
    ordered["answered_at"] = ordered["answered_at"].dt.tz_convert(timezone)
    return ordered[["ticket_id", "team", "rating", "comment", "answered_at", "link_trust"]]
