"""Erases again what was erased before: of a backup that is older than the erasures."""

from datetime import datetime

from survey.counting_rules import CountingRules
from survey.erasing.person import make_target
from survey.erasing.redaction import make_ticket_target
from survey.erasing.retention import sweep_before
from survey.erasing.step import Work
from survey.erasing.sweep import sweep
from survey.erasing.target import Person
from survey.settings import Settings
from survey.store.database import Database
from survey.store.erasing import find_identities
from survey.store.erasures import read_erasures


def erase_known(database: Database, settings: Settings, now: datetime) -> int:
    """Erase all persons, comments and old answers again whose erasure the store has on record;
    return how many persons were there again. The responses must be current.

    Whom a record is about is found by trying all identities that the store holds: only they are
    known to anybody.
    """
    rules = CountingRules.of(settings)
    with database.reading() as connection:
        erasures = read_erasures(connection, settings.secret_keys)
        identities = find_identities(connection) if erasures.persons else set()
    found = 0
    for identity in sorted(identities):
        pseudonym = erasures.find_proof(identity)
        if pseudonym is None:
            continue
        person = Person.of(identity, pseudonym, settings.secret_keys)
        target = make_target(person, settings, erasures.persons[pseudonym])
        found += bool(sweep(Work(database, target, rules)))
    for ticket_id, redacted_at in erasures.tickets.items():
        sweep(Work(database, make_ticket_target(ticket_id, settings, redacted_at), rules))
    if erasures.forgotten_before is not None:
        sweep_before(database, settings, erasures.forgotten_before, now)
    return found
