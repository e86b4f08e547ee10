"""A line in the log for each request: what was asked, how it was answered, how long that took."""

import re
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from time import monotonic, time

from survey.logs import batch_logs, stamp
from survey.serving.requests import Request

# Who watches the site asks all the time, and nobody wants to read of it.
UNLOGGED_PATHS = frozenset({b"/healthz", b"/readyz", b"/metrics"})
# What the paths of our pages are made of. A link that was mangled on its way may hold a person
# behind other characters.
_PLAIN_PATH = re.compile(rb"/[A-Za-z0-9/._-]{0,99}")


@dataclass(frozen=True)
class _Answered:
    """A request that was answered: `at` in seconds since 1970."""

    at: float
    method: str
    path: bytes
    status: int
    seconds: float

    def describe(self) -> dict[str, object]:
        """As an event of the log."""
        return {
            "timestamp": stamp(self.at),
            "level": "info",
            "event": "request",
            "method": self.method,
            "path": show_path(self.path),
            "status": self.status,
            "ms": round(self.seconds * 1000, 1),
        }


class RequestLog:
    """Logs requests when `flush` is called: a line by itself takes a fifth of the time of a page,
    some at once much less. Query, body and sender of a request are not for the log."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._answered: list[_Answered] = []

    def add(self, request: Request, status: int) -> None:
        """Remember a request that was answered."""
        path = request.target.partition(b"?")[0]
        if path in UNLOGGED_PATHS:
            return
        seconds = monotonic() - request.received_at
        with self._lock:
            self._answered.append(_Answered(time(), request.method, path, status, seconds))

    def flush(self) -> None:
        """Log what was answered since the last time."""
        with self._lock:
            answered, self._answered = self._answered, []
        batch_logs(each.describe() for each in answered)


@lru_cache(maxsize=256)
def show_path(path: bytes) -> str:
    """Return a path up to the first character that no page of ours has; `...` stands for the
    rest."""
    match = _PLAIN_PATH.match(path)
    plain = match[0] if match else b""
    return plain.decode() + ("..." if len(plain) < len(path) else "")
