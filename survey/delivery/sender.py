"""Sends a batch to PostHog."""

import math
from collections.abc import Sequence

import requests
from posthog.request import batch_post

from survey.addresses import show_address
from survey.delivery.answer import (
    classify_status,
    is_acceptance,
    read_error_message,
    reason_for,
)
from survey.delivery.failures import DeliveryError, FailureKind
from survey.delivery.reasons import describe_failure
from survey.delivery.session import DeadlineSession
from survey.outbox_payloads import unpack_event


class PostHogSender:
    """A sender that uses `batch_post` of PostHog's package, which reports if a batch was accepted.

    The package's queued client does not report this, and loses its events when the process dies or
    PostHog fails.
    """

    def __init__(self, host: str, key: str) -> None:
        self._host = host
        self._shown_host = show_address(host)
        self._key = key
        self._session = DeadlineSession()

    def send(self, payloads: Sequence[str]) -> None:
        """Send events, given as payloads of the outbox; return when PostHog has accepted all.

        Raises DeliveryError otherwise; then no event is known to have been accepted.
        """
        batch = [unpack_event(payload) for payload in payloads]
        failure: Exception | None = None
        try:
            batch_post(self._key, self._host, session=self._session, batch=batch)
        except Exception as error:
            # The package raises an error for every answer but 200, and fails on some answers. The
            # session knows the answer anyway.
            failure = error
        answer = self._session.last_answer
        if answer is None:
            raise self._explain(failure) from None
        if not is_acceptance(answer.status, answer.body):
            raise DeliveryError(
                classify_status(answer.status),
                reason_for(answer.status),
                read_error_message(answer.body),
                _finite(getattr(failure, "retry_after", None)),
            )

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _explain(self, failure: Exception | None) -> Exception:
        """Return the error for a request that got no answer; an error of our own code is returned
        as it is."""
        if isinstance(failure, ValueError):
            reason = (
                f"{self._shown_host} is not an address that can be reached: check CSAT_POSTHOG_HOST"
            )
            return DeliveryError(FailureKind.NEEDS_OPERATOR, reason)
        if failure is None or isinstance(failure, requests.RequestException):
            reason = f"{self._shown_host} cannot be reached: {describe_failure(failure)}"
            return DeliveryError(FailureKind.TRANSIENT, reason)
        return failure


def _finite(seconds: float | None) -> float | None:
    return seconds if seconds is not None and math.isfinite(seconds) else None
