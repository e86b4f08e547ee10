"""A client for PostHog's Query API: asks in HogQL, waits for the answer, gives rows."""

import threading
import time
from collections.abc import Mapping
from urllib.parse import quote

import requests

from pipeline.sources.posthog_answer import (
    PassingError,
    QueryAnswer,
    QueryError,
    Row,
    read_query_answer,
)
from survey.addresses import show_address
from survey.bearer import Bearer
from survey.clock import now
from survey.retries import ATTEMPTS, is_too_long, retrying

# PostHog lets a query wait 30 s for its turn and run for 10 s. requests counts this for each read.
REQUEST_TIMEOUT_SECONDS = 60.0
# A project has 240 requests a minute, and dashboards need some of them, too.
SECONDS_BETWEEN_REQUESTS = 0.5
# A query that PostHog runs in the background: how often it is asked for, and how long.
POLL_SECONDS = 1.0
LONGEST_RUN_SECONDS = 300.0


class PostHogClient:
    """Asks one project, one query at a time; no threads get it to send two."""

    def __init__(self, app_host: str, project_id: str, personal_key: str) -> None:
        self._shown_host = show_address(app_host)
        self._url = f"{app_host}/api/projects/{project_id}/query/"
        self._session = requests.Session()
        # As `auth` and not as a header: requests would put what ~/.netrc says over a header.
        self._session.auth = Bearer(personal_key)
        self._turn = threading.Lock()
        self._next_at = 0.0

    def ask(self, query: str, values: Mapping[str, object], name: str) -> list[Row]:
        """Return the rows that a HogQL query gives, computed now; `{name}` in it stands for a
        value.

        `name` tells PostHog's administrators whose query it is. Raises QueryError.
        """
        question = {
            "query": {"kind": "HogQLQuery", "query": query, "values": dict(values)},
            # Anything else may answer with what was true some hours ago.
            "refresh": "force_blocking",
            "name": name,
        }
        with self._turn:
            answer = self._request("POST", self._url, question)
            give_up_at = time.monotonic() + LONGEST_RUN_SECONDS
            while answer.rows is None:
                if time.monotonic() > give_up_at:
                    raise QueryError(f"PostHog was not done after {LONGEST_RUN_SECONDS:.0f} s")
                time.sleep(POLL_SECONDS)
                answer = self._request("GET", self._url + quote(answer.query_id or "", "") + "/")
            return answer.rows

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _request(self, method: str, url: str, body: object = None) -> QueryAnswer:
        """Send a request, and again while its failure may pass."""
        tries = retrying(lambda error: isinstance(error, PassingError))
        try:
            return tries(self._request_once, method, url, body)
        except PassingError as error:
            raise QueryError(f"{error}; {ATTEMPTS} tries were in vain") from None

    def _request_once(self, method: str, url: str, body: object) -> QueryAnswer:
        self._keep_pace()
        try:
            response = self._session.request(
                method, url, json=body, timeout=REQUEST_TIMEOUT_SECONDS, allow_redirects=False
            )
        except requests.exceptions.InvalidURL:
            raise QueryError(f"{self._shown_host} is not an address that can be reached") from None
        except ValueError:  # of a header; its own words would show the key
            raise QueryError("CSAT_POSTHOG_PERSONAL_KEY holds what no key can hold") from None
        except requests.RequestException as error:
            reason = f"{self._shown_host} cannot be reached: {type(error).__name__}"
            raise PassingError(reason) from None
        try:
            return read_query_answer(response, now())
        except PassingError as error:
            if is_too_long(error.retry_after):
                raise QueryError(
                    f"{error}, and asks to come back in {error.retry_after:.0f} s"
                ) from None
            raise

    def _keep_pace(self) -> None:
        """Wait until the next request may be sent."""
        time.sleep(max(0.0, self._next_at - time.monotonic()))
        self._next_at = time.monotonic() + SECONDS_BETWEEN_REQUESTS
