"""Handing a batch to PostHog, and telling what its answer means for the batch."""

import json
import math
from collections.abc import Sequence
from enum import Enum

import requests
from posthog.request import APIError, batch_post

from survey.delivery.session import DeadlineSession

# How much of an answer is kept, in characters.
MAX_WORDS = 300

_RETRY_STATUSES = frozenset({201, 204, 408, 425, 429})
_REFUSED_STATUSES = frozenset({400, 413})


class Remedy(Enum):
    """What can make a refused batch go through."""

    TIME = "retry"  # the same batch again, later
    OPERATOR = "pause"  # nothing goes through until somebody mends a setting
    OTHER_EVENTS = "split"  # something in this batch can never be accepted


class DeliveryError(Exception):
    """A batch that PostHog did not accept.

    `reason` is for the log. `words` are PostHog's own, which may repeat what customers wrote:
    they belong beside the event, not into a log. `retry_after` is in seconds, if it said.
    """

    def __init__(
        self, remedy: Remedy, reason: str, words: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(reason)
        self.remedy = remedy
        self.reason = reason
        self.words = words
        self.retry_after = retry_after


class PostHogSender:
    """Sends batches by the package's `batch_post`, the call that tells whether PostHog took them.

    Its queued client does not: it loses what it holds when the process dies or PostHog fails.
    """

    def __init__(self, host: str, key: str) -> None:
        self._host = host
        self._key = key
        self._session = DeadlineSession()

    def send(self, payloads: Sequence[str]) -> None:
        """Send events, given as JSON texts; returns when PostHog has accepted all of them.

        Raises DeliveryError, and then it is not known to have accepted any.
        """
        batch = [json.loads(payload) for payload in payloads]
        try:
            response = batch_post(
                self._key,
                self._host,
                session=self._session,
                batch=batch,
            )
        except APIError as error:
            raise _explain_status(error) from None
        except requests.RequestException as error:
            reason = f"{self._host} cannot be reached: {type(error).__name__}"
            raise DeliveryError(Remedy.TIME, reason) from None
        except TypeError:
            # The package trips over an error whose body is JSON, but not an object.
            raise _explain_status(APIError(self._session.last_status, "")) from None
        except ValueError:
            reason = f"{self._host} is not an address that can be reached"
            raise DeliveryError(Remedy.OPERATOR, reason) from None
        if not _is_accepted(response):
            reason = f"{self._host} answered 200, but not as PostHog does"
            raise DeliveryError(Remedy.TIME, reason)

    def close(self) -> None:
        """Let go of the connections."""
        self._session.close()


def _is_accepted(response: requests.Response) -> bool:
    try:
        answer = response.json()
    except ValueError:
        return False
    return isinstance(answer, dict) and answer.get("status") in ("Ok", 1)


def _explain_status(error: APIError) -> DeliveryError:
    status = int(error.status) if str(error.status).isdigit() else 0
    words = " ".join(str(error.message).split())[:MAX_WORDS]
    reason = f"PostHog answered {status}"
    if status in _RETRY_STATUSES or status >= 500:
        return DeliveryError(Remedy.TIME, reason, words, _finite(error.retry_after))
    if status in _REFUSED_STATUSES:
        return DeliveryError(Remedy.OTHER_EVENTS, reason, words)
    return DeliveryError(Remedy.OPERATOR, reason, words)


def _finite(seconds: float | None) -> float | None:
    return seconds if seconds is not None and math.isfinite(seconds) else None
