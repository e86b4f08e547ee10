"""Persons at PostHog: who a distinct_id is, and the deletion of a person with all events."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from survey.delivery.failures import FailureKind
from survey.posthog.client import Json, PostHogClient
from survey.posthog.errors import PostHogError

READ_SCOPE = "person:read"
WRITE_SCOPE = "person:write"


@dataclass(frozen=True)
class Person:
    """A person as PostHog knows them: under a uuid, and all distinct_ids that became one."""

    uuid: str
    distinct_ids: tuple[str, ...]


@dataclass(frozen=True)
class EventDeletion:
    """The deletion of a person's events, as it was queued; PostHog does it off-peak, days later."""

    queued_at: datetime
    is_done: bool


def find_persons(client: PostHogClient, distinct_id: str) -> list[Person]:
    """Return the persons that PostHog has for a distinct_id: one, or none. Raise PostHogError."""
    answer = client.get("persons/", {"distinct_id": distinct_id}, scope=READ_SCOPE)
    try:
        return [_read_person(each) for each in answer["results"]]
    except (KeyError, TypeError):
        raise client.refuse() from None


def delete_persons(client: PostHogClient, uuids: Sequence[str]) -> None:
    """Ask PostHog to delete persons with their events and recordings. Raise PostHogError if it does
    not take on all of this.

    PostHog deletes only what it has at this moment. Persons who are deleted already are left out,
    so that asking again does no harm.
    """
    wanted = {"delete_events": True, "delete_recordings": True}
    answer = client.post("persons/bulk_delete/", {"ids": list(uuids), **wanted}, scope=WRITE_SCOPE)
    # Earlier versions answer without a word.
    is_queued = answer.get("events_queued_for_deletion", True) or not answer.get("persons_found", 1)
    if answer.get("deletion_errors") or not is_queued:
        raise PostHogError(
            FailureKind.TRANSIENT, "PostHog took the request, but could not delete the person"
        )


def find_event_deletions(client: PostHogClient, uuid: str) -> list[EventDeletion]:
    """Return the deletions of a person's events that were queued. Raise PostHogError."""
    wanted = {"person_uuid": uuid, "status": "all"}
    answer = client.get("persons/deletion_status/", wanted, scope=READ_SCOPE)
    try:
        return list(_read_deletions(answer["results"], uuid))
    except (KeyError, TypeError, ValueError):
        raise client.refuse() from None


def _read_person(found: Json) -> Person:
    return Person(str(found["uuid"]), tuple(str(each) for each in found["distinct_ids"]))


def _read_deletions(found: Iterable[Any], uuid: str) -> Iterable[EventDeletion]:
    for each in found:
        if each["person_uuid"] == uuid:
            queued_at = datetime.fromisoformat(each["created_at"])
            is_done = each["status"] == "completed" and bool(each["delete_verified_at"])
            yield EventDeletion(queued_at.replace(tzinfo=queued_at.tzinfo or UTC), is_done)
