"""Erases a person in the store."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from survey.counting_rules import CountingRules
from survey.erasing.step import Work
from survey.erasing.sweep import count, sweep
from survey.erasing.target import Kind, Person, Target
from survey.erasures import Erasures
from survey.event_values import PropertyKeys
from survey.pseudonyms import key_id, make_pseudonym, pseudonyms_of
from survey.settings import Settings
from survey.store.database import Database
from survey.store.erasing import latest_answer_at, tickets_of
from survey.store.erasure_proofs import add_counts, find_proof, save_proof
from survey.store.erasures import read_erasures


@dataclass(frozen=True)
class Erased:
    """A person who was erased: what stands for them, how many rows of each kind were erased by this
    run, and the tickets that they have answered or asked."""

    pseudonym: str
    counts: Counter[Kind]
    tickets: list[str]


def find_person(connection: Connection, settings: Settings, distinct_id: str) -> Person:
    """Return the person with a distinct_id: one who was erased before keeps the pseudonym.

    Raise SettingsError if a secret is missing, or was removed that erasures used.
    """
    first = settings.require_secret_key()
    read_erasures(connection, settings.secret_keys)
    proof = find_proof(connection, pseudonyms_of(distinct_id, settings.secret_keys))
    pseudonym = proof["pseudonym"] if proof else make_pseudonym(distinct_id, first)
    return Person.of(distinct_id, pseudonym, settings.secret_keys)


def count_person(
    database: Database, settings: Settings, distinct_id: str, now: datetime
) -> Counter[Kind]:
    """Return how many rows of each kind hold something of a person; change nothing."""
    with database.reading() as connection:
        person = find_person(connection, settings, distinct_id)
        erased_at = _find_time(connection, person, now)
    return count(database, make_target(person, settings, erased_at))


def erase_person(
    database: Database,
    settings: Settings,
    distinct_id: str,
    confirmed_by: str,
    now: datetime,
    on_progress: Callable[[int], object] = lambda _rows: None,
) -> Erased:
    """Erase identity and words of a person in the whole store, and keep a proof without them.

    Run again, this erases what has come since, and adds to the same proof. Broken off, it goes on
    when it is run again. Its proof comes first: every door to answers applies it from then on.
    """
    with database.reading() as connection:
        person = find_person(connection, settings, distinct_id)
        # This reads all answers, and nobody else could write meanwhile.
        erased_at = _find_time(connection, person, now)
    with database.writing() as connection:
        database.lock_imports(connection)
        key = _find_key(person, settings)
        save_proof(connection, person.pseudonym, key, erased_at, confirmed_by)

    def record(connection: Connection, counts: Counter[Kind]) -> None:
        add_counts(connection, person.pseudonym, counts)

    target = make_target(person, settings, erased_at)
    work = Work(database, target, CountingRules.of(settings))
    counts = sweep(work, record=record, on_progress=on_progress) or Counter()
    with database.reading() as connection:
        return Erased(person.pseudonym, counts, tickets_of(connection, person))


def make_target(person: Person, settings: Settings, erased_at: datetime) -> Target:
    """Return what an erasure of a person up to a time is about."""
    erasures = Erasures(secrets=settings.secret_keys, persons={person.pseudonym: erased_at})
    return Target(
        erasures=erasures,
        keys=PropertyKeys.of(CountingRules.of(settings)),
        at=erased_at,
        proof_secret=next(iter(settings.proof_secrets), None),
        person=person,
    )


def _find_time(connection: Connection, person: Person, now: datetime) -> datetime:
    """Return up to when a person is erased: up to now, or the latest of their answers, whose time
    may be still to come."""
    return max(now, latest_answer_at(connection, person) or now)


def _find_key(person: Person, settings: Settings) -> str:
    return next(
        key_id(secret)
        for secret in settings.secret_keys
        if make_pseudonym(person.distinct_id, secret) == person.pseudonym
    )
