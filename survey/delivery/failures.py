"""Why a receiver did not accept what was sent to it, and what to do about it. Pure."""

import math
from enum import Enum


class FailureKind(Enum):
    """The kind of a failure; the value says what the sending side does about it."""

    TRANSIENT = "retry"  # the same can be accepted later; so can everything else
    DEFERRED = "defer"  # this can be accepted later; everything else can be accepted now
    NEEDS_OPERATOR = "pause"  # nothing is accepted until somebody corrects a setting
    REJECTED = "split"  # this, or some event of this batch, can never be accepted
    OVER_QUOTA = "quota"  # nothing is accepted until the receiver's quota opens, perhaps in weeks


class DeliveryError(Exception):
    """The error that a receiver did not accept what was sent: a batch of events, or a message.

    `reason` is for the log. `error_message` is the receiver's, and may repeat what customers wrote,
    so it is stored with what was sent and not logged. `retry_after` is in seconds, None if not
    given.
    """

    def __init__(
        self,
        kind: FailureKind,
        reason: str,
        error_message: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason
        self.error_message = error_message
        self.retry_after = retry_after


# What became of one of several events that were sent together: None if it was accepted.
Verdict = DeliveryError | None


def read_retry_after(header: str) -> float | None:
    """Return the pause that a header `Retry-After` asks for, in seconds; None for a date or
    nonsense."""
    try:
        seconds = float(header)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) and seconds > 0 else None
