"""Logging a line for each request: its method and path, the answer's status, and the time."""

import re
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from time import monotonic, time

from survey.logs import batch_logs, stamp
from survey.serving.requests import Request

# Monitoring asks for these pages all the time, and nobody wants to read about that.
UNLOGGED_PATHS = frozenset({b"/healthz", b"/readyz", b"/metrics"})
# The beginning of the paths of the reports site, whose pages are named by periods and files.
_REPORTS_PATH = re.compile(rb"/reports(/[A-Za-z0-9/._-]{0,99})?")


@dataclass(frozen=True)
class _Answered:
    """An answered request. `at` is in seconds since 1970."""

    at: float
    method: str
    path: str
    status: int
    seconds: float
    request_id: str

    def describe(self) -> dict[str, object]:
        """Return the request as an event of the log."""
        return {
            "timestamp": stamp(self.at),
            "level": "info",
            "event": "request",
            "method": self.method,
            "path": self.path,
            "status": self.status,
            "ms": round(self.seconds * 1000, 1),
            "request_id": self.request_id,
        }


@dataclass(frozen=True)
class _Refused:
    """A request that was refused before it had arrived whole."""

    at: float
    status: int
    request_id: str

    def describe(self) -> dict[str, object]:
        """Return the refusal as an event of the log."""
        return {
            "timestamp": stamp(self.at),
            "level": "info",
            "event": "request refused",
            "status": self.status,
            "request_id": self.request_id,
        }


class RequestLog:
    """Logs requests when `flush` is called. A single line takes a fifth of the time of a page;
    several lines at once take much less. The log omits query, body and sender of a request, and a
    path that is none of `pages`: in a damaged link it may name a person."""

    def __init__(self, pages: frozenset[bytes]) -> None:
        self._pages = pages
        self._lock = Lock()
        self._answered: list[_Answered | _Refused] = []

    def add(self, request: Request, status: int) -> None:
        """Remember an answered request."""
        path = request.target.partition(b"?")[0]
        if path in UNLOGGED_PATHS:
            return
        seconds = monotonic() - request.received_at
        with self._lock:
            shown = show_path(path, self._pages)
            self._answered.append(
                _Answered(time(), request.method, shown, status, seconds, request.id)
            )

    def add_refusal(self, request_id: str, status: int) -> None:
        """Remember a request that was refused before it had arrived whole."""
        with self._lock:
            self._answered.append(_Refused(time(), status, request_id))

    def flush(self) -> None:
        """Log the requests that were answered since the last call."""
        with self._lock:
            answered, self._answered = self._answered, []
        batch_logs(each.describe() for each in answered)


@lru_cache(maxsize=256)
def show_path(path: bytes, pages: frozenset[bytes]) -> str:
    """Return the path of a page of ours; of a page of the reports site, up to the first character
    that none of those has, or up to 100 characters. `...` replaces everything else."""
    if path in pages:
        return path.decode()
    match = _REPORTS_PATH.match(path)
    plain = match[0] if match else b"/"
    return plain.decode() + ("..." if plain != path else "")
