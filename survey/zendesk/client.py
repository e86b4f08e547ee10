"""A client for Zendesk's API: keeps its limits, and tries again where that can help."""

import json
import time
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import requests

from survey.addresses import show_address
from survey.delivery.failures import FailureKind, read_retry_after
from survey.delivery.reasons import describe_failure
from survey.delivery.session import DeadlineSession
from survey.retries import ATTEMPTS, is_too_long, retrying
from survey.settings import Settings, SettingsError
from survey.zendesk.errors import ZendeskError, explain_status
from survey.zendesk.pace import Pace

# A page of the export has up to 1,000 tickets, with their requesters and metrics.
DEADLINE_SECONDS = 60.0
LONGEST_ANSWER = 64 * 1024 * 1024
# Zendesk allows 10 exports a minute. Of all other requests it allows 200 on its smallest plan, and
# other programs need some of them, too.
EXPORTS_A_MINUTE = 10
REQUESTS_A_MINUTE = 100
# How many tickets one request may change.
MOST_TICKETS = 100
# How often and for how long a job is asked whether it is done.
POLL_SECONDS = 1.0
LONGEST_JOB_SECONDS = 60.0

Json = Mapping[str, Any]


class ZendeskClient:
    """Asks one help desk, one request at a time.

    With `attempts=1` nothing is tried again: for a worker that tries again by itself.
    """

    def __init__(
        self,
        url: str,
        email: str,
        token: str,
        *,
        attempts: int = ATTEMPTS,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._url = url
        self._shown_url = show_address(url)
        self._session = DeadlineSession(DEADLINE_SECONDS, LONGEST_ANSWER)
        # As `auth` and not as a header: requests would put what ~/.netrc says over a header.
        self._session.auth = _Basic(f"{email}/token", token)
        self._attempts = attempts
        self._clock = clock
        self._sleep = sleep
        self._exports = Pace(EXPORTS_A_MINUTE, clock, sleep)
        self._others = Pace(REQUESTS_A_MINUTE, clock, sleep)

    @classmethod
    def of(cls, settings: Settings, *, attempts: int = ATTEMPTS) -> "ZendeskClient":
        """Return the client for the help desk of the settings; raises SettingsError if there is
        none."""
        if settings.zendesk_url is None:
            raise SettingsError(
                "CSAT_ZENDESK_URL is not set. Write https://your-company.zendesk.com, and set "
                "CSAT_ZENDESK_EMAIL and CSAT_ZENDESK_TOKEN: the address and the API token of an "
                "administrator there (Admin Center > Apps and integrations > Zendesk API)."
            )
        # The settings have checked that these come with the address.
        assert settings.zendesk_email is not None
        assert settings.zendesk_token is not None
        token = settings.zendesk_token.get_secret_value()
        return cls(settings.zendesk_url, settings.zendesk_email, token, attempts=attempts)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def export_tickets(self, cursor: str | None, start_time: int) -> Json:
        """Return a page of tickets that changed, with requesters, groups and metrics: those after a
        cursor, or, without one, those since a time in seconds."""
        begin = {"start_time": start_time} if cursor is None else {"cursor": cursor}
        parameters = {**begin, "include": "metric_sets,users,groups"}
        return self._get("incremental/tickets/cursor.json", parameters, self._exports)

    def export_metric_events(self, start_time: int) -> Json:
        """Return a page of what the clocks of tickets did since a time in seconds."""
        path = "incremental/ticket_metric_events.json"
        return self._get(path, {"start_time": start_time}, self._exports)

    def find_ticket(self, ticket_id: str) -> Json | None:
        """Return a ticket as it is now; None if there is none, or none any more."""
        try:
            found: Json = self._get(f"tickets/{_number(ticket_id)}.json")["ticket"]
        except ZendeskError as error:
            if error.status == 404:
                return None
            raise
        return found

    def add_tags_if_unchanged(self, ticket_id: str, tags: Sequence[str], updated_at: str) -> bool:
        """Add tags to a ticket whose last change was at a time, as `find_ticket` has it under
        `updated_at`. Return False if it has changed since."""
        body = {"tags": list(tags), "updated_stamp": updated_at, "safe_update": "true"}
        try:
            self._send("PUT", f"tickets/{_number(ticket_id)}/tags.json", body)
        except ZendeskError as error:
            if error.status == 409:
                return False
            raise
        return True

    def replace_tags(
        self, ticket_ids: Sequence[str], add: Sequence[str], remove: Sequence[str]
    ) -> dict[str, str]:
        """Add tags to up to 100 tickets, also closed ones, and remove others, so that they have
        none of `remove` but `add`. Return why not, by ticket, for those that were refused."""
        numbers = [_number(ticket_id) for ticket_id in ticket_ids]
        changes = {
            "additional_tags": list(add),
            "remove_tags": [tag for tag in remove if tag not in add],
        }
        path = f"tickets/update_many.json?ids={','.join(numbers)}"
        job = self._wait_for_job(self._send("PUT", path, {"ticket": changes}))
        return dict(_read_refusals(job, numbers))

    def list_notes(self, ticket_id: str) -> list[str]:
        """Return the texts of the internal notes among a ticket's last 100 comments, the newest
        first."""
        path = f"tickets/{_number(ticket_id)}/comments.json"
        comments = self._get(path, {"sort_order": "desc"}).get("comments") or ()
        return [
            str(each.get("plain_body") or each.get("body") or "")
            for each in comments
            if each.get("public") is False
        ]

    def add_note(self, ticket_id: str, html: str) -> None:
        """Add an internal note to a ticket that is not closed. It is not tried again where nobody
        knows whether Zendesk has it already."""
        # Zendesk takes `body` for Markdown.
        comment = {"html_body": html, "public": False}
        path = f"tickets/{_number(ticket_id)}.json"
        self._send("PUT", path, {"ticket": {"comment": comment}}, is_repeatable=False)

    def set_field(self, ticket_id: str, field: str, value: str) -> None:
        """Set a field of a ticket that is not closed."""
        fields = [{"id": int(field), "value": value}]
        path = f"tickets/{_number(ticket_id)}.json"
        self._send("PUT", path, {"ticket": {"custom_fields": fields}})

    def list_rules(self, kind: str) -> Iterator[Json]:
        """Yield all automations, triggers or webhooks; `kind` is one of these words."""
        parameters: dict[str, object] = {"page[size]": 100}
        while True:
            page = self._get(f"{kind}.json", parameters)
            yield from page.get(kind, ())
            meta = page.get("meta") or {}
            if not meta.get("has_more"):
                return
            parameters["page[after]"] = meta["after_cursor"]

    def create_rule(self, kind: str, body: Json) -> Json:
        """Create an automation, a trigger or a webhook; return it."""
        # Tried again after a failure that nobody understands, it could make a second one.
        created = self._send("POST", f"{kind}.json", {_name(kind): body}, is_repeatable=False)
        found: Json = created[_name(kind)]
        return found

    def update_rule(self, kind: str, number: str, body: Json) -> None:
        """Change an automation, a trigger or a webhook."""
        self._send("PUT", f"{kind}/{number}.json", {_name(kind): body})

    def _wait_for_job(self, answer: Json) -> Json:
        job: Json = answer["job_status"]
        give_up_at = self._clock() + LONGEST_JOB_SECONDS
        while job["status"] in ("queued", "working"):
            if self._clock() > give_up_at:
                reason = f"Zendesk was not done after {LONGEST_JOB_SECONDS:.0f} s"
                raise ZendeskError(FailureKind.TRANSIENT, reason)
            self._sleep(POLL_SECONDS)
            job = self._get(f"job_statuses/{job['id']}.json")["job_status"]
        if job["status"] != "completed":
            raise ZendeskError(FailureKind.TRANSIENT, "Zendesk's job for this failed")
        return job

    def _get(
        self, path: str, parameters: Mapping[str, object] | None = None, pace: Pace | None = None
    ) -> Json:
        return self._request("GET", path, parameters, None, pace or self._others, True)

    def _send(self, method: str, path: str, body: Json, *, is_repeatable: bool = True) -> Json:
        return self._request(method, path, None, body, self._others, is_repeatable)

    def _request(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, object] | None,
        body: Json | None,
        pace: Pace,
        is_repeatable: bool,
    ) -> Json:
        """Send a request, and again while its failure may pass."""

        def may_pass(error: BaseException) -> bool:
            if not isinstance(error, ZendeskError) or error.kind is not FailureKind.TRANSIENT:
                return False
            if is_too_long(error.retry_after):
                return False
            # 429 says that nothing was done.
            return is_repeatable or error.status == 429

        tries = retrying(may_pass, self._attempts, self._sleep)
        answer: Json = tries(self._request_once, method, path, parameters, body, pace)
        return answer

    def _request_once(
        self,
        method: str,
        path: str,
        parameters: Mapping[str, object] | None,
        body: Json | None,
        pace: Pace,
    ) -> Json:
        pace.wait()
        try:
            response = self._session.request(
                method, f"{self._url}/api/v2/{path}", params=parameters, json=body
            )
        except ValueError:
            reason = f"{self._shown_url} is not an address that can be reached: check "
            raise ZendeskError(FailureKind.NEEDS_OPERATOR, f"{reason}CSAT_ZENDESK_URL") from None
        except requests.RequestException as error:
            reason = f"{self._shown_url} cannot be reached: {describe_failure(error)}"
            raise ZendeskError(FailureKind.TRANSIENT, reason) from None
        if not 200 <= response.status_code < 300:
            raise explain_status(
                response.status_code,
                response.content,
                self._shown_url,
                read_retry_after(response.headers.get("Retry-After", "")),
            )
        return self._read(response)

    def _read(self, response: requests.Response) -> Json:
        """Return the object in an answer; an empty one for an answer without content."""
        if response.status_code == 204:
            return {}
        try:
            answer: Any = json.loads(response.content)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            raise ZendeskError(
                FailureKind.NEEDS_OPERATOR,
                f"{self._shown_url} answers, but not as Zendesk does: check CSAT_ZENDESK_URL",
            )
        return answer


class _Basic(requests.auth.AuthBase):
    def __init__(self, user: str, password: str) -> None:
        self._value = b64encode(f"{user}:{password}".encode()).decode()

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Basic {self._value}"
        return request


def _name(kind: str) -> str:
    return kind.removesuffix("s")


def _number(ticket_id: str) -> str:
    """Return the number of a ticket. Raise ZendeskError for one that Zendesk cannot have."""
    if not (ticket_id.isascii() and ticket_id.isdigit()):
        raise ZendeskError(FailureKind.REJECTED, "tickets of Zendesk have numbers; this has none")
    return ticket_id


def _read_refusals(job: Json, numbers: Sequence[str]) -> Iterator[tuple[str, str]]:
    for result in job.get("results") or ():
        if result.get("error") or result.get("success") is False:
            index = result.get("index")
            number = str(result.get("id") or (numbers[index] if index is not None else ""))
            yield number, f"Zendesk refused: {result.get('error') or 'no reason was given'}"
