"""Rules for what PostHog's answers by its v1 protocol mean for each event. No network is used here.

Only an answer in v1's own form is judged. Any other one says that v1 is not offered here, and that
the batch call must decide.
"""

from collections.abc import Sequence
from typing import Any

from survey.delivery.answer import parse, printable, reason_for
from survey.delivery.failures import DeliveryError, FailureKind, Verdict

DROPPED_BY_QUOTA = "dropped: quota"

# The results of an event, apart from `drop`. An older version has `limited` for the quota.
_ACCEPTED = frozenset({"ok", "warning"})
_RETRY = "retry"
_DROP = "drop"
_LIMITED = "limited"
_RESULTS = _ACCEPTED | {_RETRY, _DROP, _LIMITED}
# PostHog has told of a quota by each of these: of all events, and of survey events.
_QUOTA = "billing_limit_exceeded"
_END_OF_QUOTAS = "over_quota"
# v1 refuses these distinct_ids, and the batch call takes them.
_DISTINCT_ID = frozenset({"malformed_distinct_id", "distinct_id_too_large"})
# A host for imports, or for another kind of events.
_OTHER_HOST = frozenset({"non_historical_import_drop", "misrouted_event"})
# PostHog's other words for a drop. A host's unknown words could repeat what customers wrote.
_KNOWN_DROPS = frozenset(
    {
        "event_name_too_long",
        "event_restriction_drop",
        "event_too_big",
        "invalid_event_timestamp",
        "invalid_options",
        "malformed_event_properties",
        "missing_distinct_id",
        "missing_event_name",
        "rejected",
        "serialization_failed",
    }
)
# An error that says that this v1 is another one than ours, whatever the events are.
_OF_THE_REQUEST = frozenset(
    {
        "invalid_batch",
        "invalid_header_value",
        "missing_required_headers",
        "request_decoding_error",
        "unsupported_content_type",
        "unsupported_encoding",
    }
)
_TRANSIENT_STATUSES = frozenset({408, 425, 429})
_NOT_IMPLEMENTED = 501


class RefusedDistinctId(DeliveryError):
    """The error that v1 refuses an event for its distinct_id alone."""


def read_verdicts(body: bytes, uuids: Sequence[str]) -> list[Verdict] | None:
    """Return the verdict for each event of a batch, given by their uuids, from the body of a 200;
    None if it is no answer of v1.

    PostHog's package takes an event that the answer leaves out for accepted. We send it again: if
    PostHog has it, the repeat counts once; if not, it would be lost.
    """
    answer = parse(body)
    results = answer.get("results") if isinstance(answer, dict) else None
    if not isinstance(results, dict):
        return None
    found = [results.get(uuid) for uuid in uuids]
    if not any(found) or not all(each is None or _is_known(each) for each in found):
        return None
    return [_judge(each) for each in found]


def judge_error(status: int, body: bytes, retry_after: float | None) -> DeliveryError | None:
    """Return what an answer other than 200 means for the whole batch; None if it says that v1 is
    not offered, or that it is another v1 than ours."""
    answer = parse(body)
    error = answer.get("error") if isinstance(answer, dict) else None
    if status == 429 and error == _QUOTA:
        return _over_quota(_QUOTA)
    if status in _TRANSIENT_STATUSES or (status >= 500 and status != _NOT_IMPLEMENTED):
        message = _read_message(answer, body)
        return DeliveryError(FailureKind.TRANSIENT, reason_for(status), message, retry_after)
    if not isinstance(error, str) or error in _OF_THE_REQUEST:
        return None
    if status in (400, 413):
        return DeliveryError(FailureKind.REJECTED, reason_for(status), _read_message(answer, body))
    if status in (401, 403):
        message = _read_message(answer, body)
        return DeliveryError(FailureKind.NEEDS_OPERATOR, reason_for(status), message)
    return None


def _is_known(result: Any) -> bool:
    word = result.get("result") if isinstance(result, dict) else None
    return isinstance(word, str) and word in _RESULTS


def _judge(result: dict[str, Any] | None) -> Verdict:
    if result is None:
        reason = "PostHog did not say what became of the event"
        return DeliveryError(FailureKind.TRANSIENT, reason)
    if result["result"] in _ACCEPTED:
        return None
    given = result.get("details")
    details = printable(given) if isinstance(given, str) else ""
    if result["result"] == _RETRY:
        return DeliveryError(FailureKind.TRANSIENT, "PostHog asked for the event again", details)
    if result["result"] == _LIMITED or details == _QUOTA or details.endswith(_END_OF_QUOTAS):
        return _over_quota(details)
    if details in _DISTINCT_ID:
        reason = "PostHog's v1 refuses the distinct_id"
        return RefusedDistinctId(FailureKind.TRANSIENT, reason, details)
    if details in _OTHER_HOST:
        reason = f"PostHog dropped the event ({details}): check CSAT_POSTHOG_HOST"
        return DeliveryError(FailureKind.NEEDS_OPERATOR, reason)
    known = f" ({details})" if details in _KNOWN_DROPS else ""
    return DeliveryError(FailureKind.REJECTED, f"PostHog dropped the event{known}", details)


def _over_quota(details: str) -> DeliveryError:
    return DeliveryError(FailureKind.OVER_QUOTA, DROPPED_BY_QUOTA, details)


def _read_message(answer: Any, body: bytes) -> str:
    """Return PostHog's error message in one line that is safe for a terminal and a database."""
    given = answer if isinstance(answer, dict) else {}
    words = (given.get(name) for name in ("error_description", "detail", "error"))
    return printable(next((each for each in words if isinstance(each, str)), _decode(body)))


def _decode(body: bytes) -> str:
    return body.decode(errors="replace")
