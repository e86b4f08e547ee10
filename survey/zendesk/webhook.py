"""What a webhook of Zendesk says of a ticket. Pure.

The body is JSON, as `csat zendesk webhook` sets it up: each value is a text, a missing one blank.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from survey.errors import CsatError
from survey.links import LinkError, check_value, normalise_ticket
from survey.teams import slugify_team
from survey.zendesk.tickets import TicketUpdate, read_status
from survey.zendesk.values import read_identity, read_text, read_time


class BadWebhook(CsatError):
    """A webhook that cannot be read. The message names the value, and does not show it."""


def read_webhook(body: bytes) -> TicketUpdate:
    """Return what a webhook says of a ticket. Raise BadWebhook if it cannot be read.

    The names that we do not know are ignored, and so is the requester's name, which nobody needs.
    """
    values = _parse(body)
    return TicketUpdate(
        ticket_id=_ticket(values),
        status=read_status(_require(values, "status")),
        updated_at=_time("updated_at", _require(values, "updated_at")),
        requester_external_id=read_identity(_text(values, "requester_external_id")),
        requester_email=read_identity(_text(values, "requester_email")),
        team=slugify_team(read_text(_text(values, "group"))),
        priority=_lower(read_text(_text(values, "priority"))),
        severity=read_text(_text(values, "severity")),
        language=read_text(_text(values, "language")),
        channel=read_text(_text(values, "channel")),
        tags=_tags(values),
        created_at=_time_if_any(values, "created_at"),
        solved_at=_time_if_any(values, "solved_at"),
    )


def check_invocation_id(text: str) -> str | None:
    """Return the id of a delivery; None if it has none. Raise BadWebhook for one that cannot be
    kept."""
    _check("the invocation id", text)
    return text.strip() or None


def _parse(body: bytes) -> Mapping[str, Any]:
    try:
        values = json.loads(body)
    except (ValueError, RecursionError):
        raise BadWebhook("the body is not JSON") from None
    if not isinstance(values, dict):
        raise BadWebhook("the body is not a JSON object")
    return values


def _text(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name, "")
    if not isinstance(value, str):
        raise BadWebhook(f"{name} is not a text")
    return value


def _require(values: Mapping[str, Any], name: str) -> str:
    value = _text(values, name)
    if not value.strip():
        raise BadWebhook(f"{name} is missing")
    return value


def _ticket(values: Mapping[str, Any]) -> str:
    text = _require(values, "ticket_id")
    _check("ticket_id", text)
    ticket_id = normalise_ticket(text)
    assert ticket_id is not None  # only a blank text names no ticket
    return ticket_id


def _check(name: str, text: str) -> None:
    try:
        check_value(name, text)
    except LinkError as error:
        raise BadWebhook(str(error)) from None


def _time_if_any(values: Mapping[str, Any], name: str) -> datetime | None:
    text = _text(values, name)
    return _time(name, text) if text.strip() else None


def _time(name: str, text: str) -> datetime:
    time = read_time(text)
    if time is None:
        raise BadWebhook(f"{name} is not a time with an offset, like 2026-10-14T09:30:00Z")
    return time


def _tags(values: Mapping[str, Any]) -> frozenset[str]:
    tags = values.get("tags", [])
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise BadWebhook("tags is not a list of texts")
    return frozenset(tag.strip() for tag in tags) - {""}


def _lower(text: str | None) -> str | None:
    """Return a priority as the API of Zendesk writes it; its placeholder begins with a capital."""
    return None if text is None else text.lower()
