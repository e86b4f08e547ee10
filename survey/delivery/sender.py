"""Sends a batch to PostHog: by its v1 protocol, which tells about each event, or the batch call."""

import math
from collections.abc import Callable, Mapping, Sequence
from time import monotonic
from typing import Any
from uuid import uuid4

import requests
import structlog
from posthog.request import batch_post

from survey.addresses import show_address
from survey.bearer import Bearer
from survey.clock import now
from survey.delivery.answer import (
    classify_status,
    is_acceptance,
    read_error_message,
    reason_for,
)
from survey.delivery.answer_v1 import RefusedDistinctId, judge_error, read_verdicts
from survey.delivery.capture_v1 import PATH, build_body, build_headers
from survey.delivery.failures import DeliveryError, FailureKind, Verdict, read_retry_after
from survey.delivery.protocols import ProtocolChoice
from survey.delivery.reasons import describe_failure
from survey.delivery.session import DeadlineSession
from survey.outbox_payloads import unpack_event

Event = Mapping[str, Any]

log = structlog.get_logger()


class NotOffered(Exception):
    """The answer to a request by v1 is none of v1."""


class PostHogSender:
    """A sender that tells what became of each event, as far as PostHog says so.

    v1 is used where it is offered. For the batch call there is `batch_post` of PostHog's package,
    which reports if a batch was accepted. The package's queued client does not report this, and
    loses its events when the process dies or PostHog fails. `clock` returns seconds.
    """

    def __init__(self, host: str, key: str, clock: Callable[[], float] = monotonic) -> None:
        self._host = host
        self._shown_host = show_address(host)
        self._key = key
        self._session = DeadlineSession()
        self._choice = ProtocolChoice(clock)

    def send(self, payloads: Sequence[str]) -> list[Verdict]:
        """Send events, given as payloads of the outbox; return what became of each.

        Raises DeliveryError if the batch as a whole was not accepted; then no event is known to
        have been accepted.
        """
        events = [unpack_event(payload) for payload in payloads]
        self._session.share_deadline()
        if self._choice.is_v1:
            try:
                verdicts = self._send_by_v1(events)
            except NotOffered:
                pass
            else:
                return self._send_refused_ids(events, verdicts)
        try:
            self._send_by_batch_call(events)
        except DeliveryError:
            self._choice.note_batch_failed()
            raise
        if (seconds := self._choice.note_batch_accepted()) is not None:
            log.warning(
                "PostHog does not take events by v1, but by the batch call", seconds=seconds
            )
        return [None] * len(events)

    def probe(self, payload: str) -> Verdict:
        """Send an event by v1 alone, and return what became of it. While PostHog drops events for
        its quota, it drops them silently from the batch call.

        Raises DeliveryError as `send` does.
        """
        event = unpack_event(payload)
        self._session.share_deadline()
        try:
            return self._send_by_v1([event])[0]
        except NotOffered:
            reason = "PostHog dropped events for its quota, and does not offer v1 at the moment"
            raise DeliveryError(FailureKind.TRANSIENT, reason) from None

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _send_by_v1(self, events: Sequence[Event]) -> list[Verdict]:
        """Raises NotOffered if the answer is none of v1, DeliveryError if it is for all events."""
        at = now()
        headers = build_headers(at, str(uuid4()))
        url = f"{self._host.rstrip('/')}{PATH}"
        failure: Exception | None = None
        response: requests.Response | None = None
        try:
            response = self._session.post(
                url, data=build_body(events, at), headers=headers, auth=Bearer(self._key)
            )
        except Exception as error:
            failure = error
        answer = self._session.last_answer
        if answer is None:
            raise self._explain(failure) from None
        if answer.status == 200:
            verdicts = read_verdicts(answer.body, [event["uuid"] for event in events])
            if verdicts is None:
                raise NotOffered
            self._choice.note_v1_answered()
            return verdicts
        wish = "" if response is None else response.headers.get("Retry-After", "")
        judged = judge_error(answer.status, answer.body, read_retry_after(wish))
        if judged is None:
            raise NotOffered
        if answer.status >= 500:
            self._choice.note_v1_failed()
        else:
            self._choice.note_v1_answered()
        raise judged

    def _send_refused_ids(
        self, events: Sequence[Event], verdicts: Sequence[Verdict]
    ) -> list[Verdict]:
        """Send the events that v1 refuses for their distinct_id by the batch call; return what
        became of each event. They wait while PostHog drops the others for its quota."""
        refused = [
            event
            for event, verdict in zip(events, verdicts, strict=True)
            if isinstance(verdict, RefusedDistinctId)
        ]
        is_over_quota = any(
            verdict is not None and verdict.kind is FailureKind.OVER_QUOTA for verdict in verdicts
        )
        if not refused or is_over_quota:
            return list(verdicts)
        judged: Verdict = None
        try:
            self._send_by_batch_call(refused)
        except DeliveryError as error:
            # The others are delivered, so this is no failure of the whole batch.
            judged = error
            if error.kind is FailureKind.REJECTED and len(refused) > 1:
                judged = DeliveryError(FailureKind.TRANSIENT, error.reason, error.error_message)
        return [
            judged if isinstance(verdict, RefusedDistinctId) else verdict for verdict in verdicts
        ]

    def _send_by_batch_call(self, events: Sequence[Event]) -> None:
        failure: Exception | None = None
        try:
            batch_post(self._key, self._host, session=self._session, batch=list(events))
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
