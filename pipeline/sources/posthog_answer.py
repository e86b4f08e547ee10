"""What PostHog's Query API answers, and what each answer means for the query."""

import math
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import requests

from pipeline.sources.base import SourceError

Row = list[Any]

# How much of PostHog's own words is shown, in characters.
MAX_WORDS = 300

_PASSING_STATUSES = frozenset({408, 425, 429})


class QueryError(SourceError):
    """PostHog cannot be asked, or refuses; the message says what to check."""


class PassingError(QueryError):
    """The same query may go through later; `retry_after` is in seconds, if PostHog said when."""

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


@dataclass(frozen=True)
class QueryAnswer:
    """Rows; or, while PostHog is still at it, None and the id to ask for them by."""

    rows: list[Row] | None
    query_id: str | None = None


def read_query_answer(response: requests.Response, now: datetime) -> QueryAnswer:
    """Read the answer to a query; raises QueryError, or PassingError for a failure that may
    pass."""
    body = _parse(response)
    if response.status_code not in (200, 202):
        raise _explain(response, body, now)
    status = body.get("query_status")
    status = status if isinstance(status, dict) else {}
    if problem := body.get("error") or status.get("error"):
        raise _failed(status.get("error_message") or problem)
    for holder in (body, status):
        if (rows := _find_rows(holder)) is not None:
            return QueryAnswer(rows)
    query_id = status.get("id")
    if status.get("complete") is False and isinstance(query_id, str) and query_id:
        return QueryAnswer(None, query_id)
    raise QueryError(
        f"{_origin(response)} answered {response.status_code}, but not as PostHog does; "
        "check CSAT_POSTHOG_APP_HOST"
    )


def _find_rows(body: dict[str, Any]) -> list[Row] | None:
    """Return the rows under `results`. What was computed in the background has a whole answer
    there."""
    results = body.get("results")
    if isinstance(results, dict):
        results = results.get("results")
    if not isinstance(results, list) or not all(isinstance(row, list) for row in results):
        return None
    return results


def _explain(response: requests.Response, body: dict[str, Any], now: datetime) -> QueryError:
    status, words = response.status_code, _words(body.get("detail"))
    if status in (401, 403):
        return QueryError(
            f"PostHog answered {status}{words}. Check CSAT_POSTHOG_PERSONAL_KEY: a personal API "
            "key with the scope query:read and access to the project."
        )
    if status == 404:
        return QueryError(
            f"PostHog answered 404{words}. Check CSAT_POSTHOG_PROJECT_ID, and "
            f"CSAT_POSTHOG_APP_HOST, now {_origin(response)}."
        )
    if 300 <= status < 400:
        return QueryError(
            f"{_origin(response)} points elsewhere ({status}); CSAT_POSTHOG_APP_HOST must name "
            "the address where it ends."
        )
    query_status = body.get("query_status")
    if isinstance(query_status, dict) and query_status.get("error"):
        return _failed(query_status.get("error_message") or body.get("detail"))
    if status in _PASSING_STATUSES or status >= 500:
        return PassingError(f"PostHog answered {status}{words}", _retry_after(response, now))
    if status == 400:
        return _failed(body.get("detail"))
    return QueryError(f"PostHog answered {status}{words}")


def _failed(detail: object) -> QueryError:
    return QueryError(f"PostHog could not answer the query{_words(detail)}")


def _words(detail: object) -> str:
    """PostHog's own words in one line, behind a colon; nothing if it said nothing."""
    if not isinstance(detail, str) or not detail.strip():
        return ""
    line = " ".join(detail.split())[:MAX_WORDS].rstrip(".")
    return ": " + "".join(letter if letter.isprintable() else "?" for letter in line)


def _parse(response: requests.Response) -> dict[str, Any]:
    """Return the body, if it is a JSON object; an empty one stands for all else."""
    try:
        body = response.json()
    except (ValueError, RecursionError):
        return {}
    return body if isinstance(body, dict) else {}


def _retry_after(response: requests.Response, now: datetime) -> float | None:
    """Return the pause that PostHog asks for, written in seconds or as the time when it ends."""
    text = response.headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", text, re.ASCII):
        seconds = float(text)
        return seconds if math.isfinite(seconds) else None
    try:
        until = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return max(0.0, (until.replace(tzinfo=until.tzinfo or UTC) - now).total_seconds())


def _origin(response: requests.Response) -> str:
    return (response.url or "").partition("/api/")[0]
