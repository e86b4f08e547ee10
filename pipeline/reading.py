"""The rules as configured, and all answers of a source with what became of them."""

import pandas as pd

from pipeline.rules import FrameRules, decide, frame_rules
from pipeline.sources.source import OnProgress, Source
from survey.settings import Settings
from survey.store.database import Database
from survey.store.voids import void_tickets


def read_rules(settings: Settings, database: Database) -> FrameRules:
    """The rules for any source: tickets that the configured store holds void count nowhere."""
    voids: frozenset[str] = frozenset()
    if database.exists:
        with database.reading() as connection:
            voids = void_tickets(connection)
    return frame_rules(settings, voids)


def decide_source(
    source: Source, settings: Settings, database: Database, on_progress: OnProgress
) -> pd.DataFrame:
    """All answers of a source with their outcomes (`schemas.DECIDED`)."""
    rules = read_rules(settings, database)
    return decide(source.read_answers(on_progress), rules)
