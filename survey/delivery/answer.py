"""What PostHog's answers mean for the batch that was sent: rules, without the network."""

import json
from enum import Enum
from typing import Any

# How much of an answer is kept, in characters.
MAX_WORDS = 300

_RETRY_STATUSES = frozenset({201, 204, 408, 425, 429})
_REFUSED_STATUSES = frozenset({400, 413})
_KEY_STATUSES = frozenset({401, 403})


class Remedy(Enum):
    """What can make a refused batch go through."""

    TIME = "retry"  # the same batch again, later
    OPERATOR = "pause"  # nothing goes through until somebody mends a setting
    OTHER_EVENTS = "split"  # something in this batch can never be accepted


def remedy_for(status: int) -> Remedy:
    """What can help after an answer with this status, which is not acceptance."""
    if status == 200 or status in _RETRY_STATUSES or status >= 500:
        return Remedy.TIME
    return Remedy.OTHER_EVENTS if status in _REFUSED_STATUSES else Remedy.OPERATOR


def reason_for(status: int) -> str:
    """Why a batch was not accepted, and what to check where that is what helps."""
    if status == 200:
        return "PostHog answered 200, but not as PostHog does: check CSAT_POSTHOG_HOST"
    if status in _KEY_STATUSES:
        return f"PostHog answered {status}: check CSAT_POSTHOG_KEY"
    if remedy_for(status) is Remedy.OPERATOR:
        return f"PostHog answered {status}: check CSAT_POSTHOG_HOST"
    return f"PostHog answered {status}"


def is_acceptance(status: int, body: bytes) -> bool:
    """Whether PostHog has accepted the batch: it says Ok, its older versions say 1."""
    answer = _parse(body) if status == 200 else None
    said = answer.get("status") if isinstance(answer, dict) else None
    # `True == 1`, and PostHog never says true.
    return said == "Ok" or (type(said) is int and said == 1)


def words_of(body: bytes) -> str:
    """PostHog's own words, in one line that a terminal shows and any database stores."""
    answer = _parse(body)
    detail = answer.get("detail") if isinstance(answer, dict) else None
    return printable(detail if isinstance(detail, str) else body.decode(errors="replace"))


def printable(words: str) -> str:
    """Words in one line of bounded length. What is not printable becomes a question mark: a
    control character could be a command to a terminal, and NUL and half a surrogate pair cannot
    be stored."""
    line = " ".join(words.split())[:MAX_WORDS]
    return "".join(character if character.isprintable() else "?" for character in line)


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):  # no JSON, or JSON that is nested too deeply
        return None
