"""A client for PostHog's app: one request at a time, tried again where that can help."""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import requests

from survey.addresses import show_address
from survey.bearer import Bearer
from survey.delivery.failures import FailureKind, read_retry_after
from survey.delivery.session import DeadlineSession
from survey.posthog.errors import PostHogError, explain_status, not_as_posthog, read_code
from survey.retries import ATTEMPTS, is_too_long, retrying

DEADLINE_SECONDS = 30.0
LONGEST_ANSWER = 4 * 1024 * 1024

Json = Mapping[str, Any]


class PostHogClient:
    """Asks one project of PostHog's app.

    A request is sent again while its failure may pass, but for those of `send_once`. With
    `attempts=1` nothing is tried again: for a job that comes back by itself. A request may take
    `deadline` seconds, without it DEADLINE_SECONDS.
    """

    def __init__(
        self,
        app_host: str,
        project_id: str,
        personal_key: str,
        *,
        attempts: int = ATTEMPTS,
        deadline: float | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._shown_host = show_address(app_host)
        self._url = f"{app_host}/api/projects/{project_id}/"
        self._session = DeadlineSession(deadline or DEADLINE_SECONDS, LONGEST_ANSWER)
        # As `auth` and not as a header: requests would put what ~/.netrc says over a header.
        self._session.auth = Bearer(personal_key)
        self._attempts = attempts
        self._sleep = sleep

    def get(self, path: str, parameters: Mapping[str, str], *, scope: str) -> Json:
        """Return what PostHog knows under a path of the project; `scope` is what the key needs.
        Raise PostHogError."""
        return self._request("GET", path, scope, parameters, None)

    def post(self, path: str, body: Json, *, scope: str) -> Json:
        """Ask PostHog to do something; return its answer, an empty one if it has no content. Raise
        PostHogError."""
        return self._request("POST", path, scope, None, body)

    def patch(self, path: str, body: Json, *, scope: str) -> Json:
        """Change something at PostHog, in a way that can be done again; return its answer. Raise
        PostHogError."""
        return self._request("PATCH", path, scope, None, body)

    def send_once(self, method: str, path: str, body: Json, *, scope: str) -> Json:
        """Send what would make something twice if it were sent twice; return PostHog's answer.
        Raise PostHogError: of a transient one nobody knows whether PostHog did it."""
        return self._request_once(method, path, scope, None, body)

    def refuse(self) -> PostHogError:
        """Return the error for an answer without what PostHog's has."""
        return not_as_posthog(self._shown_host)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _request(
        self,
        method: str,
        path: str,
        scope: str,
        parameters: Mapping[str, str] | None,
        body: Json | None,
    ) -> Json:
        """Send a request, and again while its failure may pass."""
        tries = retrying(_is_passing, self._attempts, self._sleep)
        answer: Json = tries(self._request_once, method, path, scope, parameters, body)
        return answer

    def _request_once(
        self,
        method: str,
        path: str,
        scope: str,
        parameters: Mapping[str, str] | None,
        body: Json | None,
    ) -> Json:
        try:
            response = self._session.request(method, self._url + path, params=parameters, json=body)
        except ValueError:
            reason = (
                f"{self._shown_host} cannot be asked: check CSAT_POSTHOG_APP_HOST and "
                "CSAT_POSTHOG_PERSONAL_KEY"
            )
            raise PostHogError(FailureKind.NEEDS_OPERATOR, reason) from None
        except requests.RequestException as error:
            reason = f"{self._shown_host} cannot be reached: {type(error).__name__}"
            raise PostHogError(FailureKind.TRANSIENT, reason) from None
        if not 200 <= response.status_code < 300:
            raise explain_status(
                response.status_code,
                address=self._shown_host,
                scope=scope,
                retry_after=read_retry_after(response.headers.get("Retry-After", "")),
                code=read_code(response.content),
            )
        return self._read(response.content)

    def _read(self, content: bytes) -> Json:
        if not content.strip():
            return {}
        try:
            answer: Any = json.loads(content)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            raise self.refuse()
        return answer


def _is_passing(error: BaseException) -> bool:
    return isinstance(error, PostHogError) and may_pass(error)


def may_pass(error: PostHogError) -> bool:
    """Return whether it is worth waiting for a failure to pass."""
    if error.kind is not FailureKind.TRANSIENT:
        return False
    return not is_too_long(error.retry_after)
