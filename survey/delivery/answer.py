"""Rules for what PostHog's answers mean for the batch that was sent. No network is used here."""

import json
from typing import Any

from survey.delivery.failures import FailureKind

# How many characters of an error message are kept.
MAX_MESSAGE_LENGTH = 300

_RETRY_STATUSES = frozenset({201, 204, 408, 425, 429})
_REFUSED_STATUSES = frozenset({400, 413})
_KEY_STATUSES = frozenset({401, 403})


def classify_status(status: int) -> FailureKind:
    """Return the kind of failure of an answer with this status that is not an acceptance."""
    if status == 200 or status in _RETRY_STATUSES or status >= 500:
        return FailureKind.TRANSIENT
    return FailureKind.REJECTED if status in _REFUSED_STATUSES else FailureKind.NEEDS_OPERATOR


def reason_for(status: int) -> str:
    """Return why a batch was not accepted, and which setting to check, if that can help."""
    if status == 200:
        return "PostHog answered 200, but not as PostHog does: check CSAT_POSTHOG_HOST"
    if status in _KEY_STATUSES:
        return f"PostHog answered {status}: check CSAT_POSTHOG_KEY"
    if classify_status(status) is FailureKind.NEEDS_OPERATOR:
        return f"PostHog answered {status}: check CSAT_POSTHOG_HOST"
    return f"PostHog answered {status}"


def is_acceptance(status: int, body: bytes) -> bool:
    """Return whether PostHog has accepted the batch: its status is Ok, in older versions 1."""
    answer = parse(body) if status == 200 else None
    found = answer.get("status") if isinstance(answer, dict) else None
    # `True == 1`, and PostHog never answers true.
    return found == "Ok" or (type(found) is int and found == 1)


def read_error_message(body: bytes) -> str:
    """Return PostHog's error message in one line that is safe for a terminal and a database."""
    answer = parse(body)
    detail = answer.get("detail") if isinstance(answer, dict) else None
    return printable(detail if isinstance(detail, str) else body.decode(errors="replace"))


def printable(text: str) -> str:
    """Return a text in one line of at most MAX_MESSAGE_LENGTH characters. Each unprintable
    character becomes a question mark: a control character could be a command to a terminal, and
    NUL and half a surrogate pair cannot be stored."""
    line = " ".join(text.split())[:MAX_MESSAGE_LENGTH]
    return "".join(character if character.isprintable() else "?" for character in line)


def parse(body: bytes) -> Any:
    """Return what a body of JSON says; None if it is none."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):  # it is not JSON, or it is nested too deeply
        return None
