"""Why Zendesk did not do what it was asked, and what to do about it. Pure."""

import json
from typing import Any

from survey.delivery.answer import printable
from survey.delivery.failures import FailureKind
from survey.errors import CsatError

_RETRY_STATUSES = frozenset({408, 425, 429})
_REFUSED_STATUSES = frozenset({400, 404, 413, 422})


class ZendeskError(CsatError):
    """Zendesk did not do what it was asked; the message says what to do about it.

    `kind` says whether the same can succeed later. `error_message` is Zendesk's own, which may
    repeat what customers wrote, so it is not part of the message. `retry_after` is in seconds, None
    if not given.
    """

    def __init__(
        self,
        kind: FailureKind,
        reason: str,
        *,
        status: int | None = None,
        error_message: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(reason)
        self.kind = kind
        self.status = status
        self.error_message = error_message
        self.retry_after = retry_after


def explain_status(
    status: int, body: bytes, address: str, retry_after: float | None
) -> ZendeskError:
    """Return the error for an answer that is no success."""
    reason = _reason_for(status, address)
    if retry_after is not None:
        reason += f", and asks to come back in {retry_after:.0f} s"
    return ZendeskError(
        _classify(status),
        reason,
        status=status,
        error_message=read_error(body),
        retry_after=retry_after,
    )


def read_error(body: bytes) -> str:
    """Return Zendesk's error message in one line."""
    try:
        answer: Any = json.loads(body)
    except (ValueError, RecursionError):
        return printable(body[:1000].decode(errors="replace"))
    if not isinstance(answer, dict):
        return printable(str(answer))
    parts = (answer.get(name) for name in ("error", "description", "details"))
    return printable("; ".join(str(part) for part in parts if part))


def _classify(status: int) -> FailureKind:
    if status >= 500 or status in _RETRY_STATUSES:
        return FailureKind.TRANSIENT
    if status == 409:  # somebody else changes the same thing at this moment
        return FailureKind.DEFERRED
    return FailureKind.REJECTED if status in _REFUSED_STATUSES else FailureKind.NEEDS_OPERATOR


def _reason_for(status: int, address: str) -> str:
    if status == 401:
        return (
            "Zendesk answered 401: check CSAT_ZENDESK_EMAIL and CSAT_ZENDESK_TOKEN, and that "
            "token access is allowed (Admin Center > Apps and integrations > Zendesk API)"
        )
    if status == 403:
        return (
            "Zendesk answered 403: the agent of CSAT_ZENDESK_EMAIL may not do this; an "
            "administrator may"
        )
    if status == 404:
        return f"Zendesk answered 404: it is not there, or CSAT_ZENDESK_URL ({address}) is wrong"
    if status < 400:
        return f"Zendesk answered {status}: check CSAT_ZENDESK_URL ({address})"
    return f"Zendesk answered {status}"
