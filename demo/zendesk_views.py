"""Tickets of the stand-in as Zendesk's API shows them, and as a webhook tells of them. Pure."""

import html
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from demo.zendesk_desk import Desk, DeskTicket, format_time


def show_ticket(ticket: DeskTicket, url: str) -> dict[str, Any]:
    """Return a ticket as JSON."""
    return {
        "url": f"{url}/api/v2/tickets/{ticket.id}.json",
        "id": ticket.id,
        "subject": "It does not work",
        "status": ticket.status,
        "priority": ticket.priority,
        "requester_id": ticket.requester_id,
        "group_id": ticket.group_id,
        "tags": list(ticket.tags),
        "via": {"channel": ticket.channel, "source": {"from": {}, "to": {}, "rel": None}},
        "custom_fields": [
            {"id": number, "value": value} for number, value in ticket.fields.items()
        ],
        "created_at": format_time(ticket.created_at),
        "updated_at": format_time(ticket.updated_at),
        "generated_timestamp": ticket.generated_at,
    }


def show_comment(comment: Mapping[str, Any]) -> dict[str, Any]:
    """Return a comment as JSON; one that was written as HTML has its plain text beside it."""
    words = re.sub(r"<[^>]*>", "\n", comment.get("html_body", "")).strip()
    plain = comment.get("body") or html.unescape(words)
    return {"type": "Comment", "body": plain, "plain_body": plain, **comment}


def show_metric_set(ticket: DeskTicket) -> dict[str, Any]:
    """Return the metrics of a ticket as JSON."""
    return {
        "id": 10_000_000 + ticket.id,
        "ticket_id": ticket.id,
        "created_at": format_time(ticket.created_at),
        "updated_at": format_time(ticket.updated_at),
        "solved_at": format_time(ticket.solved_at),
        "group_stations": 1,
        "reopens": ticket.reopens,
        "replies": ticket.replies,
        "reply_time_in_minutes": {"calendar": None, "business": None},
        "full_resolution_time_in_minutes": {
            "calendar": _minutes_between(ticket.created_at, ticket.solved_at),
            "business": None,
        },
    }


def tell_of(desk: Desk, ticket: DeskTicket, severity_field: int | None) -> dict[str, Any]:
    """Return what the webhook says of a ticket: each value as text, a missing one blank.

    Zendesk's placeholders give times to the minute, a status and a priority with a capital letter,
    and no time of the solution.
    """
    user = desk.users.get(ticket.requester_id, {})
    severity = None if severity_field is None else ticket.fields.get(severity_field)
    return {
        "ticket_id": str(ticket.id),
        "status": ticket.status.capitalize(),
        "requester_external_id": user.get("external_id") or "",
        "requester_email": user.get("email") or "",
        "requester_name": user.get("name") or "",
        "group": desk.groups.get(ticket.group_id or 0, ""),
        "priority": (ticket.priority or "").capitalize(),
        "severity": str(severity or ""),
        "language": user.get("locale") or "",
        "channel": ticket.channel,
        "created_at": f"{ticket.created_at:%Y-%m-%dT%H:%MZ}",
        "solved_at": "",
        "updated_at": f"{ticket.updated_at:%Y-%m-%dT%H:%MZ}",
        "tags": list(ticket.tags),
    }


def _minutes_between(begin: datetime, end: datetime | None) -> int | None:
    return None if end is None else int((end - begin).total_seconds() // 60)
