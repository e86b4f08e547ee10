"""What rows of Zendesk's exports mean. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from survey.links import normalise_ticket
from survey.settings import Settings
from survey.teams import slugify_team
from survey.zendesk.tickets import TicketUpdate, read_status
from survey.zendesk.values import read_identity, read_text, read_time

Json = Mapping[str, Any]


@dataclass(frozen=True)
class TicketPage:
    """The tickets of a page; `unreadable` is how many rows are no tickets."""

    updates: list[TicketUpdate]
    unreadable: int


@dataclass(frozen=True)
class ReplyEvent:
    """A customer began to wait for a reply, or got it (`is_reply`)."""

    ticket_id: str
    instance: int
    at: datetime
    is_reply: bool


def read_tickets(page: Json, settings: Settings) -> TicketPage:
    """Return the tickets of a page of the export."""
    users = _by_id(page, "users")
    groups = _by_id(page, "groups")
    metrics = {each.get("ticket_id"): each for each in _rows(page, "metric_sets")}
    updates = []
    rows = list(_rows(page, "tickets"))
    for row in rows:
        user = users.get(row.get("requester_id"), {})
        # Some of Zendesk's endpoints put the metrics into the ticket instead.
        metric_set = metrics.get(row.get("id")) or row.get("metric_set") or {}
        update = _read_ticket(row, user, groups, metric_set, settings)
        if update is not None:
            updates.append(update)
    return TicketPage(updates, len(rows) - len(updates))


def read_reply_events(page: Json) -> Iterator[ReplyEvent]:
    """Yield what a page of metric events says of replies."""
    for row in _rows(page, "ticket_metric_events"):
        kind, instance = row.get("type"), row.get("instance_id")
        if row.get("metric") != "reply_time" or kind not in ("activate", "fulfill"):
            continue
        ticket_id = normalise_ticket(_text(row.get("ticket_id")) or "")
        at = _time(row.get("time"))
        if row.get("deleted") or ticket_id is None or at is None:
            continue
        if isinstance(instance, int) and instance > 0:
            yield ReplyEvent(ticket_id, instance, at, is_reply=kind == "fulfill")


def _read_ticket(
    row: Json, user: Json, groups: Mapping[object, Json], metric_set: Json, settings: Settings
) -> TicketUpdate | None:
    ticket_id = normalise_ticket(_text(row.get("id")) or "")
    updated_at = _time(row.get("updated_at"))
    if ticket_id is None or updated_at is None:
        return None
    via = row.get("via")
    return TicketUpdate(
        ticket_id=ticket_id,
        status=read_status(_text(row.get("status")) or ""),
        updated_at=updated_at,
        requester_external_id=_identity(user.get("external_id")),
        requester_email=_identity(user.get("email")),
        team=_read_team(row.get("group_id"), groups),
        priority=_text(row.get("priority")),
        severity=_read_field(row, settings.zendesk_severity_field),
        language=_text(user.get("locale")),
        channel=_text(via.get("channel")) if isinstance(via, Mapping) else None,
        tags=frozenset(filter(None, map(_text, row.get("tags") or ()))),
        created_at=_time(row.get("created_at")),
        solved_at=_time(metric_set.get("solved_at")),
    )


def _read_team(group_id: object, groups: Mapping[object, Json]) -> str:
    """Return the slug of a group; one whose name nobody knows any more keeps its number."""
    name = _text(groups.get(group_id, {}).get("name"))
    if name is None and group_id is not None:
        name = f"group {group_id}"
    return slugify_team(name)


def _read_field(row: Json, field: str | None) -> str | None:
    """Return the value of a ticket field."""
    for each in row.get("custom_fields") or ():
        if isinstance(each, Mapping) and str(each.get("id")) == field:
            return _text(each.get("value"))
    return None


def _identity(value: object) -> str | None:
    return None if value is None else read_identity(str(value))


def _text(value: object) -> str | None:
    return None if value is None else read_text(str(value))


def _time(value: object) -> datetime | None:
    return None if value is None else read_time(str(value))


def _rows(page: Json, name: str) -> Iterator[Json]:
    rows = page.get(name)
    if isinstance(rows, list):
        yield from (row for row in rows if isinstance(row, Mapping))


def _by_id(page: Json, name: str) -> dict[object, Json]:
    return {row.get("id"): row for row in _rows(page, name)}
