"""Why PostHog's app did not do what it was asked, and what to do about it. Pure."""

import json
import re

from survey.delivery.failures import FailureKind
from survey.errors import CsatError

_RETRY_STATUSES = frozenset({408, 425, 429})
_CODE = re.compile(r"[a-z_]{1,40}")
_REFUSED_STATUSES = frozenset({400, 404, 413, 422})


class PostHogError(CsatError):
    """PostHog's app did not do what it was asked; the message says what to do about it.

    `kind` says whether the same can succeed later. `retry_after` is in seconds, None if not given.
    `code` is PostHog's own word for what is wrong, as `unique`, None if it gave none.
    """

    def __init__(
        self,
        kind: FailureKind,
        reason: str,
        *,
        status: int | None = None,
        retry_after: float | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(reason)
        self.kind = kind
        self.status = status
        self.retry_after = retry_after
        self.code = code


def explain_status(
    status: int, *, address: str, scope: str, retry_after: float | None, code: str | None = None
) -> PostHogError:
    """Return the error for an answer that is no success; `scope` is what the request needs.

    The answer's own words are left out, but for its code: they may repeat the request, and with it
    the person.
    """
    reason = _reason_for(status, address, scope)
    if code is not None and status in (400, 409, 422):
        reason += f" ({code})"
    if retry_after is not None:
        reason += f", and asks to come back in {retry_after:.0f} s"
    return PostHogError(
        _classify(status), reason, status=status, retry_after=retry_after, code=code
    )


def read_code(content: bytes) -> str | None:
    """Return the code of an answer that is no success; None if it has none, or something else."""
    try:
        code = json.loads(content)["code"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return code if isinstance(code, str) and _CODE.fullmatch(code) else None


def not_as_posthog(address: str) -> PostHogError:
    """Return the error for an answer that PostHog's app would not give."""
    return PostHogError(
        FailureKind.NEEDS_OPERATOR,
        f"{address} answers, but not as PostHog does: check CSAT_POSTHOG_APP_HOST",
    )


def _classify(status: int) -> FailureKind:
    if status >= 500 or status in _RETRY_STATUSES:
        return FailureKind.TRANSIENT
    return FailureKind.REJECTED if status in _REFUSED_STATUSES else FailureKind.NEEDS_OPERATOR


def _reason_for(status: int, address: str, scope: str) -> str:
    if status in (401, 403):
        return (
            f"PostHog answered {status}: CSAT_POSTHOG_PERSONAL_KEY must be a personal API key with "
            f"the scope {scope} and access to the project"
        )
    if status == 404:
        return (
            "PostHog answered 404: check CSAT_POSTHOG_PROJECT_ID, and CSAT_POSTHOG_APP_HOST, now "
            f"{address}"
        )
    if 300 <= status < 400:
        return (
            f"{address} points elsewhere ({status}): CSAT_POSTHOG_APP_HOST must name the address "
            "where it ends"
        )
    return f"PostHog answered {status}"
