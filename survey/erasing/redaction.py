"""Removes the comments of one ticket from the store."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from survey.counting_rules import CountingRules
from survey.erasing.step import Work
from survey.erasing.sweep import sweep
from survey.erasing.target import Kind, Target
from survey.erasures import Erasures
from survey.event_values import PropertyKeys
from survey.settings import Settings
from survey.store.database import Database
from survey.store.erasing import count_at_posthog
from survey.store.erasure_proofs import save_redaction
from survey.store.responses import answers_of


@dataclass(frozen=True)
class Redacted:
    """What was removed, how many rows of each kind, and how many of the ticket's answers PostHog
    has."""

    counts: Counter[Kind]
    at_posthog: int


def redact_ticket(
    database: Database, settings: Settings, ticket_id: str, now: datetime
) -> Redacted:
    """Remove the comments of all answers to a ticket that were given until now. Who gave them, and
    all that counts, stays."""
    with database.writing() as connection:
        database.lock_imports(connection)
        times = (answer.answered_at for answer in answers_of(connection, ticket_id))
        redacted_at = max(now, *times, now)
        save_redaction(connection, ticket_id, redacted_at)
    target = make_ticket_target(ticket_id, settings, redacted_at)
    counts = sweep(Work(database, target, CountingRules.of(settings))) or Counter()
    with database.reading() as connection:
        return Redacted(counts, count_at_posthog(connection, ticket_id))


def make_ticket_target(ticket_id: str, settings: Settings, redacted_at: datetime) -> Target:
    """Return what a removal of a ticket's comments is about."""
    return Target(
        erasures=Erasures(tickets={ticket_id: redacted_at}),
        keys=PropertyKeys.of(CountingRules.of(settings)),
        at=redacted_at,
        proof_secret=next(iter(settings.proof_secrets), None),
        ticket_id=ticket_id,
    )
