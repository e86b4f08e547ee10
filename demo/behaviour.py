"""How the PostHog stand-in treats a request: normally, or as PostHog or a network can fail."""

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

ACCEPTED_BODY = '{"status": 1}'
# The stand-in answers every GET here with 200, like the page to which a misconfigured host
# redirects.
ALERTS_PATH = "/alerts"
REDIRECT_TARGET = "/redirected"


class How(Enum):
    """What happens on the connection."""

    ANSWER = "answer"
    HANG = "hang"
    RESET = "reset"
    TRUNCATE = "truncate"


@dataclass(frozen=True)
class Behaviour:
    """What the stand-in does with a request. The functions below return behaviours.

    With `accepts`, the stand-in checks and records a batch or runs a query, as PostHog would,
    before it answers. `polls` is only for queries: the number of polls that get no result yet.
    """

    how: How = How.ANSWER
    status: int = 200
    body: str = ACCEPTED_BODY
    headers: Mapping[str, str] = field(default_factory=dict)
    accepts: bool = False
    seconds_per_byte: float = 0.0
    polls: int | None = None


ACCEPT = Behaviour(accepts=True)


def answer(status: int, body: object = "", headers: Mapping[str, str] | None = None) -> Behaviour:
    """Answer with this status, and record nothing. Send a body that is not text as JSON."""
    text = body if isinstance(body, str) else json.dumps(body)
    return Behaviour(status=status, body=text, headers=headers or {})


def hang() -> Behaviour:
    """Keep the connection open without an answer, until release or stop. Record nothing."""
    return Behaviour(How.HANG)


def reset() -> Behaviour:
    """Reset the connection, and record nothing."""
    return Behaviour(How.RESET)


def accept_then_reset() -> Behaviour:
    """Record the batch, then reset the connection: the sender cannot know of the acceptance."""
    return Behaviour(How.RESET, accepts=True)


def redirect(to: str = REDIRECT_TARGET, status: int = 302) -> Behaviour:
    """Redirect to another address, and record nothing. A GET to the default one gets 200."""
    return answer(status, headers={"Location": to})


def garbage(body: str = "<html><title>Please log in to this network</title></html>") -> Behaviour:
    """Answer 200 with a body that PostHog never sends, like a captive portal. Record nothing."""
    return answer(200, body)


def slowly(seconds_per_byte: float) -> Behaviour:
    """Accept and record, then answer byte by byte with a pause after each."""
    return Behaviour(accepts=True, seconds_per_byte=seconds_per_byte)


def later(polls: int = 1) -> Behaviour:
    """Run the query in the background. Its result comes only after `polls` polls without one."""
    return Behaviour(accepts=True, polls=polls)


def truncate() -> Behaviour:
    """Accept and record, then send a shorter answer than its Content-Length says."""
    return Behaviour(How.TRUNCATE, accepts=True)


class Script:
    """How to treat the next requests: first by the queued behaviours, then by a lasting one."""

    def __init__(self) -> None:
        self._queued: list[Behaviour] = []
        self._standing = ACCEPT
        self._lock = threading.Lock()

    def add(self, behaviour: Behaviour, times: int | None) -> None:
        """Treat the next `times` requests like this, after the earlier calls have been followed.
        Without `times`, drop the earlier calls and treat all requests like this from now on."""
        with self._lock:
            if times is None:
                self._queued, self._standing = [], behaviour
            else:
                self._queued += [behaviour] * times

    def next(self) -> Behaviour:
        """Return how to treat the current request."""
        with self._lock:
            return self._queued.pop(0) if self._queued else self._standing
