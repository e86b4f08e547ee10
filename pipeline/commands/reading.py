"""The rules as configured, with the tickets that the store holds void."""

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
