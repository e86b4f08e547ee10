"""How the PostHog stand-in treats a request: well, or in one of the ways a network can fail."""

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

ACCEPTED_BODY = '{"status": 1}'
# Answers every GET with 200, as the page does to which a misconfigured host redirects.
REDIRECT_TARGET = "/redirected"


class How(Enum):
    """What happens on the wire."""

    ANSWER = "answer"
    HANG = "hang"
    RESET = "reset"
    TRUNCATE = "truncate"


@dataclass(frozen=True)
class Behaviour:
    """What the stand-in does with a request; make one with the functions below.

    `accepts`: a batch is checked and recorded, a query is run, as PostHog would, before anything
    is answered. `polls` is for queries alone: how often it is asked for the answer in vain.
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
    """Answer this status, record nothing. A body that is not text is sent as JSON."""
    text = body if isinstance(body, str) else json.dumps(body)
    return Behaviour(status=status, body=text, headers=headers or {})


def hang() -> Behaviour:
    """Hold the connection open without a word, until released or stopped; record nothing."""
    return Behaviour(How.HANG)


def reset() -> Behaviour:
    """Break the connection off; record nothing."""
    return Behaviour(How.RESET)


def accept_then_reset() -> Behaviour:
    """Record the batch, then break off: the sender cannot know that it was accepted."""
    return Behaviour(How.RESET, accepts=True)


def redirect(to: str = REDIRECT_TARGET, status: int = 302) -> Behaviour:
    """Point elsewhere; followed as a GET, that answers 200. Record nothing."""
    return answer(status, headers={"Location": to})


def garbage(body: str = "<html><title>Please log in to this network</title></html>") -> Behaviour:
    """Answer 200 with what PostHog never says, as a captive portal does; record nothing."""
    return answer(200, body)


def slowly(seconds_per_byte: float) -> Behaviour:
    """Accept and record, then answer byte by byte with a pause after each."""
    return Behaviour(accepts=True, seconds_per_byte=seconds_per_byte)


def later(polls: int = 1) -> Behaviour:
    """Run the query in the background; only after so many vain polls there is an answer."""
    return Behaviour(accepts=True, polls=polls)


def truncate() -> Behaviour:
    """Accept and record, then promise a longer answer than is sent."""
    return Behaviour(How.TRUNCATE, accepts=True)


class Script:
    """How to treat the requests to come: one after another as asked for, then as always."""

    def __init__(self) -> None:
        self._queued: list[Behaviour] = []
        self._standing = ACCEPT
        self._lock = threading.Lock()

    def add(self, behaviour: Behaviour, times: int | None) -> None:
        """Treat the next `times` requests like this, after those asked for before; without
        `times` all from now on, until told otherwise."""
        with self._lock:
            if times is None:
                self._queued, self._standing = [], behaviour
            else:
                self._queued += [behaviour] * times

    def next(self) -> Behaviour:
        """Return how to treat the request at hand."""
        with self._lock:
            return self._queued.pop(0) if self._queued else self._standing
