"""A line in the log for each request: what was asked, how it was answered, how long that took."""

import re
from functools import lru_cache
from time import monotonic

import structlog

from survey.serving.requests import Request

# Who watches the site asks all the time, and nobody wants to read of it.
UNLOGGED_PATHS = frozenset({b"/healthz", b"/readyz", b"/metrics"})
# What the paths of our pages are made of. A link that was mangled on its way may hold a person
# behind other characters.
_PLAIN_PATH = re.compile(rb"/[A-Za-z0-9/._-]{0,99}")

log = structlog.get_logger()


def log_request(request: Request, status: int) -> None:
    """Log a request that was answered; its query, its body and its sender are not for the log."""
    path = request.target.partition(b"?")[0]
    if path not in UNLOGGED_PATHS:
        milliseconds = round((monotonic() - request.received_at) * 1000, 1)
        log.info(
            "request", method=request.method, path=show_path(path), status=status, ms=milliseconds
        )


@lru_cache(maxsize=256)
def show_path(path: bytes) -> str:
    """A path up to the first character that no page of ours has; `...` stands for the rest."""
    match = _PLAIN_PATH.match(path)
    plain = match[0] if match else b""
    return plain.decode() + ("..." if len(plain) < len(path) else "")
