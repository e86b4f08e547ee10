"""From a source to decided answers, and from those to the counts of all months."""

from datetime import tzinfo

import pandas as pd

from pipeline.counts import count_responses
from pipeline.rules import decide, derive_responses, frame_rules
from pipeline.sources.source import OnProgress, Source
from survey.settings import Settings
from survey.store.database import Database
from survey.store.responses import void_tickets


def decide_source(
    source: Source, settings: Settings, database: Database, on_progress: OnProgress
) -> pd.DataFrame:
    """All answers of a source with their outcomes (`schemas.DECIDED`).

    Whatever the source, tickets that the configured store holds void count nowhere.
    """
    voids: frozenset[str] = frozenset()
    if database.exists:
        with database.reading() as connection:
            voids = void_tickets(connection)
    return decide(source.read_answers(on_progress), frame_rules(settings, voids))


def count_all_months(decided: pd.DataFrame, timezone: tzinfo) -> pd.DataFrame:
    """`month, team, rating, responses` of every month (`schemas.COUNTS`)."""
    return count_responses(derive_responses(decided, timezone))
