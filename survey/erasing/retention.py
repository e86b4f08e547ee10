"""Forgets identities and words of all that is older than CSAT_RETENTION."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from time import monotonic

from survey.counting_rules import CountingRules
from survey.erasing.step import Work
from survey.erasing.sweep import count, sweep
from survey.erasing.target import Kind, Target
from survey.event_values import PropertyKeys
from survey.pseudonyms import key_id
from survey.rederive import responses_are_current
from survey.settings import Settings, SettingsError
from survey.store.database import Database
from survey.store.erasing import oldest_answer_at
from survey.store.erasure_proofs import save_retention
from survey.store.erasures import read_erasures

# The tick forgets once a day, and works on it for so long at a time: other jobs wait.
PERIOD = timedelta(days=1)
SECONDS_AT_ONCE = 20.0
# So much time is forgotten in one step, so that one that is broken off goes on where it was.
SLICE = timedelta(days=31)


@dataclass(frozen=True)
class Forgotten:
    """How many rows of each kind were forgotten; `is_complete` says that nothing is left."""

    counts: Counter[Kind]
    before: datetime
    is_complete: bool


def require_retention(settings: Settings) -> timedelta:
    """Return the setting; raise SettingsError where it is not set."""
    if settings.retention is None:
        raise SettingsError(
            "CSAT_RETENTION is not set: nothing is forgotten by its age. Set it, as 730d, and "
            "identities and comments are forgotten that long after they came."
        )
    return settings.retention


def forget_due(database: Database, settings: Settings, now: datetime) -> Forgotten | None:
    """Forget what is due, once a day; work on it for a short time only. Return None if nothing is
    due, or if the responses have to be derived first."""
    if settings.retention is None or not settings.secret_keys:
        return None
    with database.reading() as connection:
        forgotten_before = read_erasures(connection, settings.secret_keys).forgotten_before
    if forgotten_before is not None and forgotten_before > now - settings.retention - PERIOD:
        return None
    if not responses_are_current(database, CountingRules.of(settings)):
        return None
    return forget(database, settings, now, ends_at=monotonic() + SECONDS_AT_ONCE)


def count_old(database: Database, settings: Settings, now: datetime) -> Counter[Kind]:
    """Return how many rows of each kind are to be forgotten; change nothing."""
    before = now - require_retention(settings)
    with database.reading() as connection:
        kept = read_erasures(connection, settings.secret_keys).forgotten_before
    return count(database, _make_target(database, settings, max(before, kept or before), now))


def forget(
    database: Database,
    settings: Settings,
    now: datetime,
    on_progress: Callable[[int], object] = lambda _rows: None,
    ends_at: float | None = None,
) -> Forgotten:
    """Forget identities and words of all that is older than the retention, the oldest first.

    What was forgotten once stays forgotten, also when the setting grows. Each step is kept before
    it begins: every door to answers applies it from then on.
    """
    goal = now - require_retention(settings)
    settings.require_secret_key()
    with database.reading() as connection:
        before = read_erasures(connection, settings.secret_keys).forgotten_before
        oldest = oldest_answer_at(connection)
    total: Counter[Kind] = Counter()
    looked_at = 0

    def show(rows: int) -> None:
        on_progress(looked_at + rows)

    since = None
    if before is None:
        before = _next(oldest or goal, goal)
        _save(database, settings, before)
    while True:
        counts = sweep_before(database, settings, before, now, since, show, ends_at)
        if counts is None:
            return Forgotten(total, before, is_complete=False)
        total += counts
        looked_at += counts.total()
        if before >= goal:
            return Forgotten(total, before, is_complete=True)
        since, before = before, _next(before, goal)
        _save(database, settings, before)


def _next(before: datetime, goal: datetime) -> datetime:
    """Return the end of the next slice. The last day is a slice of its own: what is broken off
    before it is still due for the next tick."""
    return min(goal - PERIOD, before + SLICE) if before < goal - PERIOD else goal


def sweep_before(
    database: Database,
    settings: Settings,
    before: datetime,
    now: datetime,
    since: datetime | None = None,
    on_progress: Callable[[int], object] = lambda _rows: None,
    ends_at: float | None = None,
) -> Counter[Kind] | None:
    """Forget what is older than a time, which is on record, and not older than `since`; return as
    `sweep` does."""
    target = replace(_make_target(database, settings, before, now), since=since)
    work = Work(database, target, CountingRules.of(settings))
    return sweep(work, on_progress=on_progress, ends_at=ends_at)


def _save(database: Database, settings: Settings, before: datetime) -> None:
    with database.writing() as connection:
        database.lock_imports(connection)
        save_retention(connection, key_id(settings.require_secret_key()), before)


def _make_target(database: Database, settings: Settings, before: datetime, now: datetime) -> Target:
    with database.reading() as connection:
        erasures = read_erasures(connection, settings.secret_keys)
    secret = erasures.forgetting_secret or settings.require_secret_key()
    return Target(
        # What the comments of a ticket are does not matter here.
        erasures=replace(erasures, tickets={}, forgotten_before=before, forgetting_secret=secret),
        keys=PropertyKeys.of(CountingRules.of(settings)),
        at=now,
        proof_secret=next(iter(settings.proof_secrets), None),
        before=before,
    )
