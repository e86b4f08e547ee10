"""Asks the other programs: PostHog, the mail server, Zendesk. Nothing is sent or changed there."""

from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

import requests

from survey.addresses import show_address
from survey.bearer import Bearer
from survey.clock import now
from survey.delivery.failures import DeliveryError, FailureKind
from survey.delivery.session import DeadlineSession
from survey.doctor.findings import Finding, Level
from survey.doctor.judging_machine import judge_clock
from survey.doctor.judging_services import (
    KEY_CHECK,
    PERSONAL_KEY_CHECK,
    judge_failure,
    judge_personal_key,
    judge_project_key,
)
from survey.doctor.running import Check
from survey.messages.smtp import try_log_in
from survey.settings import Settings
from survey.zendesk.client import ZendeskClient
from survey.zendesk.errors import ZendeskError

# How long one of them may take to answer.
DEADLINE_SECONDS = 8.0
MAIL_CHECK, ZENDESK_CHECK = "mail server", "zendesk api"
# A ticket that no help desk has: to look for it takes the same rights as for any other.
_NO_TICKET = "0"


def list_checks(settings: Settings) -> list[Check]:
    """Return the checks of those that are set up."""
    checks = []
    if settings.posthog_key is not None:
        checks.append(Check(KEY_CHECK, lambda: check_project_key(settings)))
    if settings.posthog_personal_key is not None:
        checks.append(Check(PERSONAL_KEY_CHECK, lambda: check_personal_key(settings)))
    if settings.smtp_url is not None:
        checks.append(Check(MAIL_CHECK, lambda: check_mail_server(settings)))
    if settings.zendesk_url is not None:
        checks.append(Check(ZENDESK_CHECK, lambda: check_zendesk(settings)))
    return checks


def check_project_key(settings: Settings) -> Iterator[Finding]:
    """Yield whether PostHog is reached and knows the project's key, and whether our clocks agree.

    PostHog checks the key of a request for feature flags before anything else, but not that of an
    empty batch. With `disable_flags` it evaluates none, counts none, and needs no person.
    """
    assert settings.posthog_key is not None
    shown = show_address(settings.posthog_host)
    body = {"token": settings.posthog_key.get_secret_value(), "disable_flags": True}
    began = now()
    answer = _post(f"{settings.posthog_host}/flags/?v=2", body, None)
    if isinstance(answer, str):
        yield judge_failure(KEY_CHECK, FailureKind.TRANSIENT, f"{shown} {answer}")
        return
    yield judge_project_key(answer.status_code, shown)
    posthog_time = _read_date(answer)
    if posthog_time is not None:
        # The header has whole seconds.
        middle = began + (now() - began) / 2 - timedelta(seconds=0.5)
        yield judge_clock("PostHog's", posthog_time - middle)


def check_personal_key(settings: Settings) -> Iterator[Finding]:
    """Yield whether PostHog answers a query that reads nothing."""
    if settings.posthog_project_id is None:
        message = "CSAT_POSTHOG_PERSONAL_KEY is of use only with CSAT_POSTHOG_PROJECT_ID: set both"
        yield Finding(PERSONAL_KEY_CHECK, Level.WARNING, message)
        return
    host = settings.posthog_app_address
    shown = show_address(host)
    body = {"query": {"kind": "HogQLQuery", "query": "SELECT 1"}, "name": "csat doctor"}
    answer = _post(
        f"{host}/api/projects/{settings.posthog_project_id}/query/",
        body,
        settings.require_posthog_personal_key(),
    )
    if isinstance(answer, str):
        yield judge_failure(PERSONAL_KEY_CHECK, FailureKind.TRANSIENT, f"{shown} {answer}")
    else:
        yield judge_personal_key(answer.status_code, shown)


def check_mail_server(settings: Settings) -> Iterator[Finding]:
    """Yield whether the mail server takes our password; no mail is sent."""
    assert settings.smtp_url is not None
    try:
        address = try_log_in(settings.smtp_url.get_secret_value(), DEADLINE_SECONDS)
    except DeliveryError as error:
        yield judge_failure(MAIL_CHECK, error.kind, error.reason)
    else:
        yield Finding(MAIL_CHECK, Level.OK, f"{address} is reached, and takes what we say")


def check_zendesk(settings: Settings) -> Iterator[Finding]:
    """Yield whether Zendesk answers the agent of our token."""
    try:
        with closing(ZendeskClient.of(settings, attempts=1)) as client:
            client.find_ticket(_NO_TICKET)
    except ZendeskError as error:
        yield judge_failure(ZENDESK_CHECK, error.kind, str(error))
    else:
        yield Finding(ZENDESK_CHECK, Level.OK, "Zendesk is reached, and takes CSAT_ZENDESK_TOKEN")


def _post(url: str, body: object, bearer: str | None) -> requests.Response | str:
    """Return the answer to a question; or, in words, why there was none."""
    with DeadlineSession(DEADLINE_SECONDS) as session:
        session.auth = Bearer(bearer)
        try:
            return session.post(url, json=body)
        except requests.RequestException as error:
            return f"cannot be reached: {type(error).__name__}"
        except ValueError:
            return "is not an address that can be reached, or the key holds what no key can hold"


def _read_date(answer: requests.Response) -> datetime | None:
    try:
        found = parsedate_to_datetime(answer.headers.get("Date", ""))
    except ValueError:
        return None
    return found if found.tzinfo is not None else None
