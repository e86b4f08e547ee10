"""The rules as configured, and all answers of a source with what became of them."""

import pandas as pd

from pipeline.rules import decide
from pipeline.sources.source import OnProgress, Source
from survey.counting_rules import CountingRules
from survey.settings import Settings
from survey.store.database import Database
from survey.store.voids import void_tickets


def read_rules(settings: Settings, database: Database) -> CountingRules:
    """The rules for any source: tickets that the configured store holds void count nowhere."""
    voids: frozenset[str] = frozenset()
    if database.exists:
        with database.reading() as connection:
            voids = void_tickets(connection)
    return CountingRules.of(settings, voids)


def decide_source(source: Source, rules: CountingRules, on_progress: OnProgress) -> pd.DataFrame:
    """All answers of a source with their outcomes (`schemas.DECIDED`)."""
    return decide(source.read_answers(on_progress), rules)
