"""The stand-in's Query API: it runs a query as PostHog does, at once or in the background."""

import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from demo.behaviour import Behaviour, Script, answer
from demo.standin_access import AccessList
from demo.standin_hogql import recorded_events, run
from demo.wire import Refusal

if TYPE_CHECKING:
    from demo.standin import PostHogStandIn

_PATH = re.compile(r"/query/(?:([^/]+)/)?")


@dataclass
class _Pending:
    """A query in the background: its answer, and how many polls still get no answer."""

    answer: dict[str, Any]
    polls: int


class QueryService:
    """Answers queries about the events that the stand-in recorded.

    `asked` holds the bodies of all queries that arrived, `polled` counts the polls for queries in
    the background. `behave` makes the service fail; a poll counts as a request, too. While
    `merges` is false, queries find every copy of an event, as they do at PostHog for some time.
    """

    def __init__(self, standin: "PostHogStandIn", access: AccessList) -> None:
        self._standin = standin
        self._access = access
        self._script = Script()
        self._lock = threading.Lock()
        self._forgotten: set[str] = set()
        self._pending: dict[str, _Pending] = {}
        self._cached: dict[str, dict[str, Any]] = {}
        self._asked: list[dict[str, Any]] = []
        self.polled = 0
        self.merges = True

    @property
    def asked(self) -> list[dict[str, Any]]:
        """The bodies of all queries, in the order of their arrival."""
        with self._lock:
            return list(self._asked)

    def behave(self, behaviour: Behaviour, times: int | None = None) -> None:
        """Treat the next `times` requests like this, after the earlier calls have been followed.
        Without `times`, drop the earlier calls and treat all requests like this from now on."""
        self._script.add(behaviour, times)

    def forget(self, uuid: str) -> None:
        """Hide an event from all queries, although it was accepted or will be."""
        with self._lock:
            self._forgotten.add(uuid)

    def respond(self, method: str, path: str, authorization: str, body: bytes) -> Behaviour:
        """Return what the handler must do with a request, including the answer."""
        behaviour = self._script.next()
        question = _read_question(body)
        with self._lock:
            if method == "POST":
                self._asked.append(question)
            else:
                self.polled += 1
        if not behaviour.accepts:
            return behaviour
        try:
            query_id = self._find_query(path, authorization)
            if method == "POST":
                found = self._take(question, behaviour.polls)
            else:
                found = self._look_up(query_id)
        except Refusal as refusal:
            return answer(refusal.status, refusal.body)
        pending = (found.get("query_status") or {}).get("complete") is False
        return replace(behaviour, status=202 if pending else 200, body=json.dumps(found))

    def _find_query(self, path: str, authorization: str) -> str | None:
        """Return the id of the query in a request's path, if any. Raise Refusal for a request that
        may not ask."""
        match = _PATH.fullmatch(self._access.check(path, authorization, "query:read"))
        if match is None:
            raise Refusal(404, "not_found", "Not found.")
        return match[1]

    def _take(self, question: dict[str, Any], polls: int | None) -> dict[str, Any]:
        """Return the answer to a query, or the status with the id by which to ask for it."""
        found = self._compute(question)
        if polls is None:
            return found
        query_id = uuid4().hex
        with self._lock:
            self._pending[query_id] = _Pending(found, polls)
        return _status(query_id)

    def _look_up(self, query_id: str | None) -> dict[str, Any]:
        with self._lock:
            pending = self._pending.get(query_id or "")
            if pending is None or query_id is None:
                raise Refusal(404, "not_found", "there is no such query")
            if pending.polls > 0:
                pending.polls -= 1
                return _status(query_id)
        return _status(query_id, pending.answer)

    def _compute(self, question: dict[str, Any]) -> dict[str, Any]:
        query = question.get("query")
        if not isinstance(query, Mapping) or query.get("kind") != "HogQLQuery":
            raise Refusal(400, "invalid_input", "the stand-in understands HogQLQuery alone")
        key = json.dumps(query, sort_keys=True)
        with self._lock:
            if question.get("refresh") != "force_blocking" and key in self._cached:
                return {**self._cached[key], "is_cached": True}
        text, values = str(query.get("query")), query.get("values") or {}
        found = {**run(text, values, self._events()), "hogql": text, "is_cached": False}
        with self._lock:
            self._cached[key] = found
        return found

    def _events(self) -> list[Mapping[str, Any]]:
        events = self._standin.submissions() if self.merges else self._standin.events
        with self._lock:
            kept = [event for event in events if event.get("uuid") not in self._forgotten]
        return recorded_events(kept)


def _read_question(body: bytes) -> dict[str, Any]:
    try:
        question = json.loads(body)
    except ValueError:
        return {}
    return question if isinstance(question, dict) else {}


def _status(query_id: str, found: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return PostHog's status of a query in the background. `found` is the whole answer, or None
    while the query is not complete."""
    complete = found is not None
    status = {"id": query_id, "query_async": True, "complete": complete, "results": found}
    return {"query_status": {**status, "error": False, "error_message": None}}
