"""Handing a batch to PostHog, and telling what its answer means for the batch."""

import json
from collections.abc import Sequence
from enum import Enum
from typing import Any

import requests
from posthog.request import APIError, batch_post

# requests counts this for connecting and for each read.
REQUEST_TIMEOUT_SECONDS = 10.0

_RETRY_STATUSES = frozenset({201, 204, 408, 425, 429})
_REFUSED_STATUSES = frozenset({400, 413})


class Remedy(Enum):
    """What can make a refused batch go through."""

    TIME = "time"  # the same batch again, later
    OPERATOR = "operator"  # nothing goes through until somebody mends a setting
    OTHER_EVENTS = "other events"  # something in this batch can never be accepted


class DeliveryError(Exception):
    """A batch that PostHog did not accept; `retry_after` is in seconds, if it said."""

    def __init__(self, remedy: Remedy, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.remedy = remedy
        self.reason = reason
        self.retry_after = retry_after


class PostHogSender:
    """Sends batches by the package's `batch_post`, the call that tells whether PostHog took them.

    Its queued client does not: it loses what it holds when the process dies or PostHog fails.
    """

    def __init__(self, host: str, key: str) -> None:
        self._host = host
        self._key = key
        self._session = _SessionWithoutRedirects()

    def send(self, payloads: Sequence[str]) -> None:
        """Send events, given as JSON texts; returns when PostHog has accepted all of them.

        Raises DeliveryError, and then it is not known to have accepted any.
        """
        batch = [json.loads(payload) for payload in payloads]
        try:
            response = batch_post(
                self._key,
                self._host,
                timeout=REQUEST_TIMEOUT_SECONDS,
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
            reason = "PostHog answered with an error it did not explain"
            raise DeliveryError(Remedy.TIME, reason) from None
        if not _is_accepted(response):
            reason = f"{self._host} answered 200, but not as PostHog does"
            raise DeliveryError(Remedy.TIME, reason)

    def close(self) -> None:
        """Let go of the connections."""
        self._session.close()


class _SessionWithoutRedirects(requests.Session):
    """A redirected POST arrives as a GET, whose 200 would look like acceptance."""

    def request(self, *args: Any, **kwargs: Any) -> requests.Response:
        return super().request(*args, **{**kwargs, "allow_redirects": False})


def _is_accepted(response: requests.Response) -> bool:
    try:
        answer = response.json()
    except ValueError:
        return False
    return isinstance(answer, dict) and answer.get("status") in ("Ok", 1)


def _explain_status(error: APIError) -> DeliveryError:
    status = int(error.status) if str(error.status).isdigit() else 0
    words = " ".join(str(error.message).split())[:500]
    reason = f"PostHog answered {status}: {words}" if words else f"PostHog answered {status}"
    if status in _RETRY_STATUSES or status >= 500:
        return DeliveryError(Remedy.TIME, reason, error.retry_after)
    if status in _REFUSED_STATUSES:
        return DeliveryError(Remedy.OTHER_EVENTS, reason)
    return DeliveryError(Remedy.OPERATOR, reason)
