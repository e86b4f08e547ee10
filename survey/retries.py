"""How often a request to another program is sent again, and after which pauses.

What may pass is for each client to say: its errors have `retry_after`, the seconds that the other
program asks to wait, None if it asks for nothing.
"""

import time
from collections.abc import Callable
from typing import Any

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    wait_random_exponential,
)

# How often a request is sent before it fails, and the pauses between.
ATTEMPTS = 5
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 30.0
# Whoever is asked to wait for longer than this had better come back later.
LONGEST_RETRY_AFTER_SECONDS = 300.0


def retrying(
    may_pass: Callable[[BaseException], bool],
    attempts: int = ATTEMPTS,
    sleep: Callable[[float], None] = time.sleep,
) -> Retrying:
    """Return what calls a function, and calls it again while its error may pass, up to `attempts`
    times in all. The last error is raised."""
    return Retrying(
        retry=retry_if_exception(may_pass),
        stop=stop_after_attempt(attempts),
        wait=_pause,
        sleep=sleep,
        reraise=True,
    )


def is_too_long(retry_after: float | None) -> bool:
    """Return whether a pause is longer than a request waits for."""
    return (retry_after or 0) > LONGEST_RETRY_AFTER_SECONDS


def _pause(state: RetryCallState) -> float:
    """Return the pause that the other program asks for; otherwise a pause that grows with each try,
    with full jitter."""
    error: Any = state.outcome.exception() if state.outcome else None
    if error is not None and error.retry_after is not None:
        return float(error.retry_after)
    grows = wait_random_exponential(multiplier=FIRST_PAUSE_SECONDS, max=LONGEST_PAUSE_SECONDS)
    return grows(state)
