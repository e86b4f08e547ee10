"""The deletion of an erased person at PostHog: asked for at once, and followed until it is done.

PostHog deletes the person soon, and their events off-peak, days later. Until then the erasure keeps
the ids that PostHog has for the person, to ask what has become of them.
"""

import math
import time
from collections.abc import Callable
from contextlib import closing
from datetime import datetime, timedelta

from survey.delivery.answer import printable
from survey.delivery.failures import FailureKind
from survey.errors import CsatError
from survey.posthog.client import PostHogClient
from survey.posthog.errors import PostHogError
from survey.posthog.persons import Person, delete_persons, find_event_deletions, find_persons
from survey.progress import show_progress
from survey.retries import ATTEMPTS
from survey.settings import Settings, SettingsError
from survey.store.database import Database
from survey.store.outbox import LONGEST_HOLD
from survey.store.person_deletions import (
    PersonDeletion,
    claim_checks,
    find_known_ids,
    find_person_deletion,
    has_answers_since,
    has_claimed_events,
    keep_persons,
    mark_deleted,
    mark_requested,
)

# About how many deletions PostHog is asked at once.
MOST_CHECKS = 20
# PostHog deletes events at weekends; after this time somebody must look into it.
LATE = timedelta(days=14)
# How far PostHog's clock may be behind ours.
CLOCK_TOLERANCE = timedelta(hours=1)
# How many other distinct_ids of the person are shown.
MOST_SHOWN = 20

_BY_HAND = (
    "Delete the person there by hand (People, search the distinct_id, Delete person, with all of "
    "their events and recordings), or mend this and run the same command again."
)
Sleep = Callable[[float], None]


class PersonNotDeleted(CsatError):
    """PostHog was not asked to delete a person, or refused; the message says what remains there,
    and what to do by hand."""

    def __init__(self, why: str) -> None:
        super().__init__(
            f"remains: the person and their events at PostHog. {why.rstrip('.')}.\n{_BY_HAND}"
        )


def request_deletion(
    database: Database,
    settings: Settings,
    distinct_id: str,
    pseudonym: str,
    now: datetime,
    *,
    sleep: Sleep = time.sleep,
) -> list[str]:
    """Ask PostHog to delete an erased person with all events and recordings; return what to tell
    the operator, where a line that begins with `remains: ` says what is left to do.

    Nothing happens twice, however often this is called: what PostHog was asked before is known.
    Raise PersonNotDeleted.
    """
    try:
        with closing(_open(settings, ATTEMPTS, sleep)) as client:
            _wait_for_claimed_events(database, pseudonym, now, sleep)
            return _request(database, client, distinct_id, pseudonym, now)
    except (SettingsError, PostHogError) as error:
        raise PersonNotDeleted(str(error)) from None


def follow_deletions(database: Database, settings: Settings, now: datetime) -> str | None:
    """Ask PostHog about the deletions that it has not done yet, each at most once an hour, and for
    those that it could not be asked for before; return how many it has done, None if there are
    none to look at. Raise CsatError where somebody must look into it."""
    with database.writing() as connection:
        due = claim_checks(connection, now, MOST_CHECKS)
    if not due:
        return None
    done, failures = 0, []
    # What fails is tried again an hour later: meanwhile other jobs have their turn.
    with closing(_open(settings, 1, time.sleep)) as client:
        for deletion in due:
            try:
                done += _follow(database, client, deletion, now)
            except PostHogError as error:
                failures.append(str(error))
                if error.kind is not FailureKind.REJECTED:
                    break
    late = [each for each in due if _is_late(database, each, now)]
    if late:
        failures.append(_explain_late(late[0], len(late)))
    if failures:
        raise CsatError(f"erasures at PostHog: {'; '.join(dict.fromkeys(failures))}")
    return f"erasures at PostHog: {done} done, {len(due) - done} not yet"


def _open(settings: Settings, attempts: int, sleep: Sleep) -> PostHogClient:
    return PostHogClient(
        settings.posthog_app_address,
        settings.require_posthog_project_id(),
        settings.require_posthog_personal_key(),
        attempts=attempts,
        sleep=sleep,
    )


def _wait_for_claimed_events(
    database: Database, pseudonym: str, now: datetime, sleep: Sleep
) -> None:
    """Wait until no worker can hold an event any more that it claimed before the erasure: PostHog
    deletes only what it has when it is asked."""
    seconds = (_find(database, pseudonym).erased_at + LONGEST_HOLD - now).total_seconds()
    with database.reading() as connection:
        is_sending = has_claimed_events(connection, now)
    if not is_sending:
        return
    with show_progress("Waiting until events that are under way are at PostHog", "s") as tell:
        for passed in range(math.ceil(min(seconds, LONGEST_HOLD.total_seconds()))):
            tell(passed)
            sleep(1.0)


def _request(
    database: Database, client: PostHogClient, distinct_id: str, pseudonym: str, now: datetime
) -> list[str]:
    deletion = _find(database, pseudonym)
    persons = find_persons(client, distinct_id)
    # Those of an earlier call that was broken off before PostHog had answered.
    left_over = () if deletion.requested_at else deletion.person_uuids
    if not persons and not left_over:
        return _tell_nobody_found(database, deletion)
    uuids = {*deletion.person_uuids, *(person.uuid for person in persons)}
    with database.writing() as connection:
        keep_persons(connection, pseudonym, sorted(uuids))
    _ask(database, client, _find(database, pseudonym), now)
    return [
        "PostHog was asked to delete the person with all events and recordings. It deletes events "
        "off-peak, days later; `csat tick` asks once an hour until they are gone.",
        *_tell_other_ids(database, persons, distinct_id),
    ]


def _ask(
    database: Database, client: PostHogClient, deletion: PersonDeletion, now: datetime
) -> None:
    delete_persons(client, deletion.person_uuids)
    with database.writing() as connection:
        mark_requested(connection, deletion, now)


def _follow(
    database: Database, client: PostHogClient, deletion: PersonDeletion, now: datetime
) -> bool:
    """Return whether PostHog has deleted all events of a person, and record it."""
    if deletion.requested_at is None:
        _ask(database, client, deletion, now)
        return False
    # What was queued earlier says nothing about this deletion.
    since = deletion.requested_at - CLOCK_TOLERANCE
    for uuid in deletion.person_uuids:
        found = find_event_deletions(client, uuid)
        if not any(each.is_done and each.queued_at >= since for each in found):
            return False
    with database.writing() as connection:
        mark_deleted(connection, deletion, now)
    return True


def _find(database: Database, pseudonym: str) -> PersonDeletion:
    with database.reading() as connection:
        deletion = find_person_deletion(connection, pseudonym)
    if deletion is None:
        raise LookupError("nobody was erased under this pseudonym")
    return deletion


def _tell_nobody_found(database: Database, deletion: PersonDeletion) -> list[str]:
    """Return what to say where PostHog has no person for a distinct_id: perhaps not any more."""
    asked_at = deletion.requested_at
    with database.reading() as connection:
        may_have_events = has_answers_since(connection, deletion.pseudonym, asked_at)
    if may_have_events:
        return [
            "remains: PostHog has no person for this distinct_id, and events without a person "
            "cannot be deleted by its API. If the last answer was given a few minutes ago, run the "
            "same command again. Otherwise ask PostHog's support to delete the events of this "
            "distinct_id, unless it was deleted together with another one of the same person."
        ]
    if asked_at is None:
        return ["PostHog has no person for this distinct_id: nothing was asked of it."]
    state = "its events are deleted" if deletion.deleted_at else "its events are deleted off-peak"
    return [f"PostHog was asked on {asked_at:%Y-%m-%d} to delete the person; {state}."]


def _tell_other_ids(database: Database, persons: list[Person], distinct_id: str) -> list[str]:
    """Return which other distinct_ids of the person, whom PostHog deletes with all of them, still
    stand here."""
    others = {each for person in persons for each in person.distinct_ids} - {distinct_id}
    with database.reading() as connection:
        known = find_known_ids(connection, sorted(others))
    if not known:
        return []
    shown = ", ".join(printable(each) for each in known[:MOST_SHOWN])
    more = f" and {len(known) - MOST_SHOWN} more" if len(known) > MOST_SHOWN else ""
    return [
        f"remains: PostHog knew this person under further distinct_ids that stand here: {shown}"
        f"{more}. Run the command for each of them, too; PostHog deletes them with this one."
    ]


def _is_late(database: Database, deletion: PersonDeletion, now: datetime) -> bool:
    asked_at = deletion.requested_at
    if asked_at is None or now - asked_at < LATE:
        return False
    return _find(database, deletion.pseudonym).deleted_at is None


def _explain_late(deletion: PersonDeletion, count: int) -> str:
    return (
        f"PostHog has not deleted the events of {count} erased person{'' if count == 1 else 's'} "
        f"that it was asked for {LATE.days} days ago or more (the first is {deletion.pseudonym}): "
        "ask its support. The ids there are in the column person_uuids of the table erasures"
    )
