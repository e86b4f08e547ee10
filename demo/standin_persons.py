"""The stand-in's persons: who sent its events, and their deletion, as PostHog does it."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit
from uuid import NAMESPACE_URL, uuid5

from demo.behaviour import Behaviour, Script
from demo.standin_access import AccessList, answer_with
from demo.wire import Refusal, read_object
from survey.clock import now

if TYPE_CHECKING:
    from demo.standin import PostHogStandIn

# How many persons one request may name.
MOST_IDS = 1_000

Event = dict[str, Any]


@dataclass
class _Deletion:
    """A deletion that was asked for: whose, which events there were, and when it was done."""

    uuid: str
    queued_at: datetime
    events: list[Event]
    done_at: datetime | None = None


class PersonService:
    """Answers questions about persons, and deletes them.

    A person is deleted at once; the events that were captured before go when `delete_events` is
    called, as PostHog deletes them at weekends. An event with `$process_person_profile` false makes
    no person, nor does one of a person who was deleted. `$identify` makes two distinct_ids one
    person. `behave` makes the service fail. `asked` holds method and path of all requests.
    """

    def __init__(self, standin: "PostHogStandIn", access: AccessList) -> None:
        self._standin = standin
        self._access = access
        self._script = Script()
        self._lock = threading.Lock()
        self._deletions: list[_Deletion] = []
        self.asked: list[str] = []

    def behave(self, behaviour: Behaviour, times: int | None = None) -> None:
        """Treat the next `times` requests like this, after the earlier calls have been followed.
        Without `times`, drop the earlier calls and treat all requests like this from now on."""
        self._script.add(behaviour, times)

    def delete_events(self) -> None:
        """Delete the events of all persons who were deleted, as far as they were captured then."""
        with self._lock:
            waiting = [each for each in self._deletions if each.done_at is None]
            for deletion in waiting:
                self._standin.remove(deletion.events)
                deletion.events, deletion.done_at = [], now()

    def respond(self, method: str, path: str, authorization: str, body: bytes) -> Behaviour:
        """Return what the handler must do with a request, including the answer."""
        behaviour = self._script.next()
        parts = urlsplit(path)
        asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
        with self._lock:
            self.asked.append(f"{method} {parts.path.partition('/persons/')[2]}")
            if not behaviour.accepts:
                return behaviour
            return answer_with(
                behaviour,
                lambda: self._answer(method, parts.path, authorization, asked, body),
            )

    def _answer(
        self, method: str, path: str, authorization: str, asked: Mapping[str, str], body: bytes
    ) -> tuple[int, dict[str, Any]]:
        scope = "person:write" if method == "POST" else "person:read"
        place = self._access.check(path, authorization, scope)
        if (method, place) == ("GET", "/persons/"):
            return 200, self._list(asked.get("distinct_id"))
        if (method, place) == ("POST", "/persons/bulk_delete/"):
            return 202, self._delete(read_object(body))
        if (method, place) == ("GET", "/persons/deletion_status/"):
            return 200, self._list_deletions(asked.get("person_uuid"), asked.get("status", "all"))
        raise Refusal(404, "not_found", "Not found.")

    def _list(self, distinct_id: str | None) -> dict[str, Any]:
        found = [
            {"id": number, "uuid": uuid, "name": ids[0], "distinct_ids": ids, "properties": {}}
            for number, (uuid, ids) in enumerate(self._persons().items(), start=1)
            if distinct_id is None or distinct_id in ids
        ]
        return {"next": None, "previous": None, "results": found}

    def _delete(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        ids, distinct_ids = asked.get("ids") or [], asked.get("distinct_ids") or []
        if not ids and not distinct_ids:
            raise Refusal(400, "invalid_input", "You need to specify either distinct_ids or ids")
        if max(len(ids), len(distinct_ids)) > MOST_IDS:
            raise Refusal(400, "invalid_input", "You can only pass 1000 ids in one call")
        found = {
            uuid: known
            for uuid, known in self._persons().items()
            if uuid in ids or set(known) & set(distinct_ids)
        }
        has_events = bool(asked.get("delete_events"))
        for uuid, known in found.items():
            events = [each for each in self._standin.events if each.get("distinct_id") in known]
            # Recorded also without events, so that the person is gone.
            self._deletions.append(_Deletion(uuid, now(), events if has_events else []))
        return {
            "persons_found": len(found),
            "persons_queued_for_deletion": len(found),
            "persons_deleted": 0,
            "events_queued_for_deletion": has_events and bool(found),
            "recordings_queued_for_deletion": bool(asked.get("delete_recordings") and found),
            "deletion_errors": [],
        }

    def _list_deletions(self, uuid: str | None, status: str) -> dict[str, Any]:
        rows = [
            {
                "person_uuid": each.uuid,
                "created_at": each.queued_at.isoformat(),
                "status": "completed" if each.done_at else "pending",
                "delete_verified_at": each.done_at.isoformat() if each.done_at else None,
            }
            for each in self._deletions
            if uuid in (None, each.uuid)
        ]
        chosen = [row for row in rows if status in ("all", row["status"])]
        return {"count": len(chosen), "next": None, "previous": None, "results": chosen}

    def _persons(self) -> dict[str, list[str]]:
        """Return the distinct_ids of every person who is not deleted, by the person's uuid."""
        person_of: dict[str, str] = {}
        for event in self._standin.events:
            properties, distinct_id = event.get("properties") or {}, str(event["distinct_id"])
            if properties.get("$process_person_profile") is False:
                continue
            uuid = person_of.setdefault(distinct_id, _uuid_of(distinct_id))
            earlier = properties.get("$anon_distinct_id")
            if event["event"] == "$identify" and earlier:
                person_of[str(earlier)] = uuid
        persons: dict[str, list[str]] = {}
        gone = {each.uuid for each in self._deletions}
        for distinct_id, uuid in person_of.items():
            if uuid not in gone:
                persons.setdefault(uuid, []).append(distinct_id)
        return persons


def _uuid_of(distinct_id: str) -> str:
    """Return the uuid that a person has whom PostHog makes for a distinct_id: always the same."""
    return str(uuid5(NAMESPACE_URL, distinct_id))
