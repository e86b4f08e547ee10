"""Brings to PostHog what is to stand there: each thing once, whatever happens on the way."""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from survey.errors import CsatError
from survey.posthog.client import PostHogClient, may_pass
from survey.posthog.errors import PostHogError
from survey.posthog.planning import (
    Change,
    Found,
    Plan,
    describe,
    explain_taken_name,
    find_note,
    make_plan,
)
from survey.posthog.reading import (
    find_missing_scopes,
    find_thing,
    read_found,
    read_thing,
)
from survey.posthog.wanted import Json, Kind
from survey.settings import Settings

# After a request that may or may not have been done, we wait for so long before we look whether it
# was: PostHog may still be at it.
PAUSES_BEFORE_LOOKING = (5.0, 15.0, 30.0)

Sleep = Callable[[float], None]
Tell = Callable[[Change], None]


class NotDone(CsatError):
    """Nothing was changed at PostHog, or it did not keep what it was sent; the message says what
    to do."""


def apply_plan(
    client: PostHogClient,
    settings: Settings,
    now: datetime,
    tell: Tell,
    sleep: Sleep = time.sleep,
) -> Plan:
    """Make and change what differs, one thing after another; `tell` hears of each one that is done.
    Return the plan that is left, which has no changes.

    Nothing has to be remembered between two runs: what is there is read each time. Raise
    PostHogError, MoreThanOne and NotDone.
    """
    found = read_found(client)
    plan = make_plan(found, settings, now)
    if plan.changes:
        _require_scopes(client)
    done: set[tuple[object, ...]] = set()
    while plan.changes and not plan.problems:
        change = plan.changes[0]
        step = (change.kind, change.key, change.number, *change.differences)
        if step in done:
            raise _not_kept(change)
        done.add(step)
        found = _do(client, found, change, sleep)
        tell(change)
        plan = make_plan(found, settings, now)
    if plan.problems:
        raise NotDone("; ".join(plan.problems))
    if done:
        # What the answers said is not yet what is there.
        plan = make_plan(read_found(client), settings, now)
        if plan.changes:
            raise _not_kept(plan.changes[0])
    return plan


def _do(client: PostHogClient, found: Found, change: Change, sleep: Sleep) -> Found:
    """Make or change one thing; return what is at PostHog then."""
    try:
        made = _send(client, change, sleep)
    except PostHogError as error:
        if change.kind is Kind.SURVEY and error.code == "unique":
            raise NotDone(explain_taken_name(change.name, None)) from None
        raise
    if change.kind is Kind.SURVEY:
        return found.with_survey(made)
    if change.kind is Kind.DASHBOARD:
        return replace(found, dashboard=read_thing(client, Kind.DASHBOARD, str(made["id"])))
    found = found.with_insight(change.key, made)
    assert found.dashboard is not None
    # It may have a new tile.
    number = str(found.dashboard["id"])
    return replace(found, dashboard=read_thing(client, Kind.DASHBOARD, number))


def _send(client: PostHogClient, change: Change, sleep: Sleep) -> Json:
    scope, path = change.kind.write_scope, change.kind.value
    if change.number is not None:
        path += f"{change.number}/"
        if change.is_repeatable:
            return client.patch(path, change.body, scope=scope)
    method = "POST" if change.number is None else "PATCH"
    pauses = iter(PAUSES_BEFORE_LOOKING)
    while True:
        try:
            made = client.send_once(method, path, change.body, scope=scope)
        except PostHogError as error:
            pause = next(pauses, None)
            if pause is None or not may_pass(error):
                raise
            sleep(max(pause, error.retry_after or 0.0))
            there = _look_for(client, change)
            if there is not None:
                return there
        else:
            if "id" not in made:
                raise client.refuse()
            return made


def _look_for(client: PostHogClient, change: Change) -> Json | None:
    """Return the thing if what was asked for was done, None if it was not."""
    if change.number is None:
        there = find_thing(client, change.kind, change.key)
        return read_thing(client, change.kind, str(there["id"])) if there else None
    there = read_thing(client, change.kind, change.number)
    return there if find_note(there) else None


def _require_scopes(client: PostHogClient) -> None:
    missing = find_missing_scopes(client)
    if missing:
        raise NotDone(
            f"CSAT_POSTHOG_PERSONAL_KEY lacks the scope{'s' if len(missing) > 1 else ''} "
            f"{', '.join(missing)}: add them to the key in PostHog's settings, under Personal API "
            "keys, then run this again. Nothing was changed"
        )


def _not_kept(change: Change) -> NotDone:
    return NotDone(
        f"PostHog took {describe(change.kind, change.name)}, but did not keep "
        f"{', '.join(change.differences)} as sent: somebody may be changing it at the same time. "
        "Run this again; if it says the same, please report it"
    )
