"""The stand-in's help desk: its people, groups and tickets, and what happens to a ticket."""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

MERGED_TAG = "closed_by_merge"


class Refusal(Exception):
    """A request that Zendesk would not accept, with its answer."""

    def __init__(self, status: int, code: str, description: str, **more: object) -> None:
        super().__init__(description)
        self.status = status
        self.body = {"error": code, "description": description, **more}


@dataclass
class DeskTicket:
    """A ticket.

    `generated_at` is the time by which the export goes, in seconds: that of the last change,
    whoever made it. `instance` numbers the times for which the requester waited for a reply.
    """

    id: int
    requester_id: int
    group_id: int | None
    priority: str | None
    channel: str
    created_at: datetime
    updated_at: datetime
    generated_at: int
    status: str = "new"
    tags: list[str] = field(default_factory=list)
    fields: dict[int, Any] = field(default_factory=dict)
    comments: list[dict[str, Any]] = field(default_factory=list)
    solved_at: datetime | None = None
    reopens: int = 0
    replies: int = 0
    instance: int = 0
    is_waiting: bool = False


class Desk:
    """All tickets. Each method is something that a customer, an agent or the API does.

    The time is that of `clock`. `on_change` is called with a ticket that somebody has changed.
    `next_number` is that of the next new ticket.
    """

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self.clock = clock
        self.lock = threading.RLock()
        self.next_number = 1
        self.users: dict[int, dict[str, Any]] = {}
        self.groups: dict[int, str] = {}
        self.tickets: dict[int, DeskTicket] = {}
        self.metric_events: list[dict[str, Any]] = []
        self.on_change: Callable[[DeskTicket], object] = lambda _: None
        self._exported: list[tuple[int, int]] | None = None
        self._sorted_events: list[dict[str, Any]] = []

    def add_user(
        self, email: str | None, external_id: str | None = None, locale: str = "en-US"
    ) -> int:
        """Add somebody who asks for help; return the user's number."""
        with self.lock:
            number = 1000 + len(self.users)
            self.users[number] = {
                "id": number,
                "name": f"Customer {number}",
                "email": email,
                "external_id": external_id,
                "locale": locale,
                "role": "end-user",
            }
            return number

    def add_group(self, name: str) -> int:
        """Add a group of agents; return its number."""
        with self.lock:
            number = 500 + len(self.groups)
            self.groups[number] = name
            return number

    def create_ticket(
        self,
        requester_id: int,
        group_id: int | None = None,
        *,
        priority: str | None = "normal",
        channel: str = "email",
        tags: Iterable[str] = (),
        fields: Mapping[int, Any] | None = None,
    ) -> int:
        """A customer writes a new ticket, and waits for a reply; return its number."""
        with self.lock:
            time = self.clock()
            number = self.next_number
            ticket = DeskTicket(
                number,
                requester_id,
                group_id,
                priority,
                channel,
                created_at=time,
                updated_at=time,
                generated_at=int(time.timestamp()),
                tags=list(tags),
                fields=dict(fields or {}),
            )
            self.keep_ticket(ticket)
            self._add_event(ticket, "agent_work_time", 1, "activate")
            self._add_event(ticket, "agent_work_time", 0, "measure")
            self._wait(ticket)
        self.touch(ticket)
        return number

    def keep_ticket(self, ticket: DeskTicket) -> None:
        """Have a ticket that was written before; nobody hears of it."""
        with self.lock:
            self.tickets[ticket.id] = ticket
            self.next_number = max(self.next_number, ticket.id + 1)
            self._exported = None

    def write(self, number: int) -> None:
        """The customer writes again: a solved ticket is open again."""
        ticket = self._changeable(number)
        if ticket.status == "solved":
            ticket.reopens += 1
        if ticket.status != "new":
            ticket.status = "open"
        if not ticket.is_waiting:
            self._wait(ticket)
        self.touch(ticket)

    def reply(self, number: int, status: str = "pending") -> None:
        """An agent replies, and sets the status, perhaps to `solved`."""
        ticket = self._changeable(number)
        ticket.replies += 1
        if ticket.is_waiting:
            ticket.is_waiting = False
            self._add_event(ticket, "reply_time", ticket.instance, "fulfill")
            self._add_event(ticket, "reply_time", ticket.instance, "update_status")
        self._set_status(ticket, status)
        self.touch(ticket)

    def solve(self, number: int) -> None:
        """An agent solves the ticket without a reply."""
        ticket = self._changeable(number)
        ticket.is_waiting = False
        self._set_status(ticket, "solved")
        self.touch(ticket)

    def close(self, number: int) -> None:
        """The automation that closes solved tickets for good."""
        ticket = self._changeable(number)
        self._set_status(ticket, "closed")
        self.touch(ticket)

    def merge(self, number: int) -> None:
        """An agent merges the ticket into another one."""
        ticket = self._changeable(number)
        ticket.is_waiting = False
        ticket.tags.append(MERGED_TAG)
        self._set_status(ticket, "closed")
        self.touch(ticket)

    def delete(self, number: int) -> None:
        """An agent deletes the ticket. No trigger runs, so no webhook tells of it."""
        ticket = self.tickets[number]
        ticket.is_waiting = False
        ticket.status = "deleted"
        self.touch(ticket, quietly=True)

    def change(self, number: int, **values: Any) -> None:
        """An agent changes the group, the priority, the tags or the fields."""
        ticket = self._changeable(number)
        for name, value in values.items():
            setattr(ticket, name, value)
        self.touch(ticket)

    def touch(self, ticket: DeskTicket, *, quietly: bool = False) -> None:
        """Note that a ticket has changed now."""
        with self.lock:
            ticket.updated_at = self.clock()
            self.touch_by_system(ticket)
        if not quietly:
            self.on_change(ticket)

    def touch_by_system(self, ticket: DeskTicket) -> None:
        """Note a change by the system itself: the export shows the ticket again."""
        ticket.generated_at = int(self.clock().timestamp())
        self._exported = None

    def find(self, number: int) -> DeskTicket:
        """Return a ticket. Raise Refusal if there is none, or none any more."""
        ticket = self.tickets.get(number)
        if ticket is None or ticket.status == "deleted":
            raise Refusal(404, "RecordNotFound", "Not found")
        return ticket

    def _changeable(self, number: int) -> DeskTicket:
        ticket = self.find(number)
        refuse_closed(ticket)
        return ticket

    def _set_status(self, ticket: DeskTicket, status: str) -> None:
        if status == "solved" and ticket.status != "solved":
            ticket.solved_at = self.clock()
        ticket.status = status

    def _wait(self, ticket: DeskTicket) -> None:
        ticket.instance += 1
        ticket.is_waiting = True
        self._add_event(ticket, "reply_time", ticket.instance, "activate")

    def _add_event(self, ticket: DeskTicket, metric: str, instance: int, kind: str) -> None:
        self.metric_events.append(
            {
                "id": len(self.metric_events) + 1,
                "ticket_id": ticket.id,
                "metric": metric,
                "instance_id": instance,
                "type": kind,
                "time": format_time(self.clock()),
            }
        )

    def exported(self) -> list[tuple[int, int]]:
        """Return all tickets as (time of the export, number), in the order of the export."""
        with self.lock:
            if self._exported is None:
                rows = ((each.generated_at, each.id) for each in self.tickets.values())
                self._exported = sorted(rows)
            return self._exported

    def exported_events(self) -> list[dict[str, Any]]:
        """Return all metric events, in the order of their times."""
        with self.lock:
            if len(self._sorted_events) != len(self.metric_events):
                self._sorted_events = sorted(self.metric_events, key=lambda event: event["time"])
            return self._sorted_events

    def newest_exported(self) -> datetime:
        """Return the time up to which exports go: the last minute is left out."""
        return self.clock() - timedelta(minutes=1)


def refuse_closed(ticket: DeskTicket) -> None:
    """Raise Refusal if the ticket is closed."""
    if ticket.status == "closed":
        details = {"status": [{"description": "Status: closed prevents ticket update"}]}
        raise Refusal(422, "RecordInvalid", "Record validation errors", details=details)


def format_time(time: datetime | None) -> str | None:
    """Return a time as Zendesk writes it, to the second."""
    return None if time is None else f"{time:%Y-%m-%dT%H:%M:%SZ}"
