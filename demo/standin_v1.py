"""The stand-in's v1 endpoint for events: a result for each of them, as PostHog's capture gives."""

import json
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from email.message import Message
from enum import Enum
from typing import TYPE_CHECKING, Any
from uuid import UUID

from demo.behaviour import Behaviour, answer

if TYPE_CHECKING:
    from demo.standin import PostHogStandIn

V1_PATH = "/i/v1/analytics/events"

Event = Mapping[str, Any]
# What PostHog says of an event: `ok`, `warning`, `drop`, `retry`, or, as a test may tell, anything
# else; and why.
Result = tuple[str, str | None]

_OK: Result = ("ok", None)
_REQUIRED_HEADERS = (
    "Content-Type",
    "User-Agent",
    "PostHog-Sdk-Info",
    "PostHog-Attempt",
    "PostHog-Request-Id",
    "PostHog-Request-Timestamp",
)
_LONGEST = 200
_ILLEGAL_DISTINCT_IDS = frozenset(
    {
        *("0", "00000000-0000-0000-0000-000000000000", "[object object]", "anonymous"),
        *("anonymous-user", "backend", "distinct_id", "distinctid", "email", "false", "guest"),
        *("id", "nan", "none", "not_authenticated", "null", "system", "true", "undefined", "user"),
    }
)
# The properties that PostHog makes of the options.
_PROPERTIES = {
    "disable_skew_correction": "$ignore_sent_at",
    "process_person_profile": "$process_person_profile",
}


class QuotaAnswer(Enum):
    """How PostHog tells that a quota is used up: it drops each event, as its older versions do, or
    answers 429 for the batch, as the newer ones do where it holds nothing else."""

    FOR_EACH = "drop"
    FOR_ALL = "429"


class Refused(Exception):
    """A request that PostHog does not accept as a whole."""

    def __init__(self, status: int, error: str, description: str) -> None:
        super().__init__(description)
        headers = {"Retry-After": "1"} if status == 429 or status >= 500 else {}
        uri = "https://posthog.com/docs/api"
        body = {"error": error, "error_description": description, "error_uri": uri}
        self.behaviour = answer(status, body, headers)


class CaptureV1:
    """The endpoint. `is_offered` false makes it answer 404, as a PostHog without it. `quota` says
    that the quota is used up, and how the endpoint tells so. `decide` gives results by hand."""

    def __init__(self, standin: "PostHogStandIn") -> None:
        self._standin = standin
        self.is_offered = True
        self.quota: QuotaAnswer | None = None
        self._decide: Callable[[Event], Result | None] = lambda _event: None

    def decide(self, result: Callable[[Event], Result | None]) -> None:
        """Give an event the result that `result` returns for it, if that is not None. Without a
        word in it, leave the event out of the answer."""
        self._decide = result

    def respond(
        self, headers: "Message[str, str]", body: bytes
    ) -> tuple[Behaviour, threading.Event]:
        """Return what to answer to a request, and what ends a hang. Record what is accepted."""
        if not self.is_offered:
            return answer(404), threading.Event()
        behaviour, released = self._standin.next_behaviour()
        if behaviour.accepts:
            try:
                behaviour = replace(behaviour, body=self._take(headers, body))
            except Refused as refused:
                behaviour = refused.behaviour
        return behaviour, released

    def _take(self, headers: "Message[str, str]", body: bytes) -> str:
        key = _read_key(headers)
        events = _read_events(body)
        if self._standin.is_refused(events):
            words = "the stand-in was told to refuse this event"
            raise Refused(400, "request_parsing_error", words)
        if self._standin.is_choked_on(events):
            raise Refused(500, "internal_error", "Internal Server Error")
        results = [self._judge(event) for event in events]
        if self.quota is QuotaAnswer.FOR_ALL and ("drop", "billing_limit_exceeded") in results:
            raise Refused(429, "billing_limit_exceeded", "billing limit exceeded")
        sdk_info = headers["PostHog-Sdk-Info"]
        accepted = [
            _as_stored(event, sdk_info)
            for event, (word, _) in zip(events, results, strict=True)
            if word in ("ok", "warning")
        ]
        if accepted:
            sent_at = headers["PostHog-Request-Timestamp"]
            self._standin.record({"api_key": key, "sent_at": sent_at, "batch": accepted})
        return json.dumps({"results": dict(_as_json(events, results))})

    def _judge(self, event: Event) -> Result:
        if decided := self._decide(event):
            return decided
        if error := _find_error(event):
            return "drop", error
        return _OK if self.quota is None else ("drop", "billing_limit_exceeded")


def _as_json(
    events: Iterable[Event], results: Iterable[Result]
) -> Iterable[tuple[str, dict[str, str]]]:
    for event, (word, details) in zip(events, results, strict=True):
        if word:
            shown = {"result": word} if details is None else {"result": word, "details": details}
            yield str(UUID(event["uuid"])), shown


def _read_key(headers: "Message[str, str]") -> str:
    authorization = headers.get("Authorization")
    if authorization is None:
        raise Refused(401, "missing_authorization", "the request has no Authorization")
    if missing := [name for name in _REQUIRED_HEADERS if name not in headers]:
        raise Refused(400, "missing_required_headers", f"required headers are missing: {missing}")
    scheme, _, key = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise Refused(400, "invalid_header_value", "Authorization must use Bearer scheme")
    if not key.strip() or key.strip().startswith("phx_"):
        raise Refused(401, "invalid_api_token", "The provided API token is not valid.")
    if headers["Content-Type"].partition(";")[0].strip() != "application/json":
        raise Refused(415, "unsupported_content_type", headers["Content-Type"])
    if not _is_time(headers["PostHog-Request-Timestamp"]):
        raise Refused(400, "invalid_header_value", "PostHog-Request-Timestamp is not RFC 3339")
    if not _is_uuid(headers["PostHog-Request-Id"]):
        raise Refused(400, "invalid_header_value", "PostHog-Request-Id is not a valid UUID")
    return key.strip()


def _read_events(body: bytes) -> list[dict[str, Any]]:
    try:
        request = json.loads(body)
        created_at, batch = request["created_at"], request["batch"]
        uuids = [event["uuid"] for event in batch]
        is_typed = all(
            isinstance(event[name], str)
            for event in batch
            for name in ("event", "uuid", "distinct_id", "timestamp")
        )
    except (ValueError, LookupError, TypeError):
        is_typed = False
    if not is_typed:
        raise Refused(400, "request_parsing_error", "Failed to parse request body.")
    if not batch:
        raise Refused(400, "empty_batch", "request batch is empty")
    if not _is_time(created_at):
        raise Refused(400, "invalid_batch", "created_at is not valid RFC 3339")
    for number, uuid in enumerate(uuids):
        if not _is_uuid(uuid):
            raise Refused(400, "invalid_event_uuid", f"invalid event uuid: {uuid}")
        if uuid in uuids[:number]:
            raise Refused(400, "duplicate_event_uuid", f"duplicate event uuid: {uuid}")
    return list(batch)


def _find_error(event: Event) -> str | None:
    """Return why PostHog drops an event, whatever else is in the batch."""
    distinct_id = event["distinct_id"].strip()
    options = event.get("options") or {}
    if not event["event"]:
        return "missing_event_name"
    if not distinct_id:
        return "missing_distinct_id"
    if len(distinct_id.encode()) > _LONGEST:
        return "distinct_id_too_large"
    if distinct_id.lower() in _ILLEGAL_DISTINCT_IDS:
        return "malformed_distinct_id"
    if not _is_time(event["timestamp"]):
        return "invalid_event_timestamp"
    if not isinstance(event.get("properties", {}), dict):
        return "malformed_event_properties"
    if not all(isinstance(options.get(name, True), bool) for name in _PROPERTIES):
        return "invalid_options"
    return None


def _as_stored(event: Event, sdk_info: str) -> dict[str, Any]:
    """Return an event as PostHog stores it: with its options among the properties."""
    library, _, version = sdk_info.rpartition("/")
    properties = {
        **event.get("properties", {}),
        **{_PROPERTIES[name]: value for name, value in (event.get("options") or {}).items()},
        "$lib": library,
        "$lib_version": version,
    }
    names = ("event", "uuid", "distinct_id", "timestamp")
    return {**{name: event[name] for name in names}, "properties": properties}


def _is_time(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
