"""Posts messages to a webhook that takes them in the format of Slack."""

from collections.abc import Mapping
from typing import Any

import requests

from survey.delivery.answer import printable
from survey.delivery.failures import DeliveryError, FailureKind, read_retry_after
from survey.delivery.reasons import describe_failure
from survey.delivery.session import DeadlineSession

_RETRY_STATUSES = frozenset({408, 425, 429})
# Of the answer of a webhook, its first words say what is wrong.
_MAX_ANSWER = 1_000


class Webhook:
    """A webhook. Whoever knows its address can post there, so no error repeats it."""

    def __init__(self, address: str) -> None:
        self._address = address

    def post(self, payload: Mapping[str, Any]) -> None:
        """Post a message; return when it was accepted. Raises DeliveryError otherwise."""
        try:
            with DeadlineSession() as session:
                response = session.post(self._address, json=payload)
        except (requests.RequestException, ValueError) as error:
            # A ValueError means that the address cannot be one of a server.
            is_address = isinstance(error, ValueError)
            kind = FailureKind.NEEDS_OPERATOR if is_address else FailureKind.TRANSIENT
            hint = ": check CSAT_ALERT_WEBHOOK" if is_address else ""
            reason = f"the webhook cannot be reached ({describe_failure(error)}){hint}"
            raise DeliveryError(kind, reason) from None
        if not 200 <= response.status_code < 300:
            raise _explain(response)


def _explain(response: requests.Response) -> DeliveryError:
    """Return the error for an answer that is no acceptance."""
    status = response.status_code
    reason = f"the webhook answered {status}"
    if status < 400:
        reason += ": check CSAT_ALERT_WEBHOOK"
    words = printable(response.content[:_MAX_ANSWER].decode(errors="replace"))
    retry_after = read_retry_after(response.headers.get("Retry-After", ""))
    return DeliveryError(_classify(status), reason, words, retry_after)


def _classify(status: int) -> FailureKind:
    if status >= 500 or status in _RETRY_STATUSES:
        return FailureKind.TRANSIENT
    # A redirect, for example to a page for signing in, says that the address is another one.
    return FailureKind.REJECTED if status >= 400 else FailureKind.NEEDS_OPERATOR
