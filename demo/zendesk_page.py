"""The pages of the demo's help desk: its tickets, what happens to them, and the mails."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from demo.mail_catcher import MailCatcher
from demo.standin_page import HTML, REFRESH_SECONDS, SOURCES_OF_MAIL, Page, render
from demo.zendesk_desk import DeskTicket, Refusal
from demo.zendesk_standin import Delivery, ZendeskStandIn
from demo.zendesk_tickets import SEVERITY_FIELD
from demo.zendesk_views import show_comment
from survey.durations import split_duration

SHOWN_TICKETS, SHOWN_LINES = 25, 8
_PRIORITIES = ("high", "urgent", "normal", "low")


@dataclass(frozen=True)
class ShownTicket:
    """A ticket as the page shows it."""

    number: int
    status: str
    group: str
    priority: str | None
    requester: str
    tags: list[str]
    notes: list[str]


class DeskPages:
    """Shows a help desk, and lets a visitor play its customers and agents.

    `tick` does what the survey has to do now, and returns what it did. `delay` says how long the
    survey waits before it asks.
    """

    def __init__(
        self,
        zendesk: ZendeskStandIn,
        catcher: MailCatcher,
        tick: Callable[[], str],
        delay: timedelta,
    ) -> None:
        self._zendesk = zendesk
        self._catcher = catcher
        self._tick = tick
        self._delay = " ".join(map(str, split_duration(delay)))
        self._said = ""

    def find(self, path: str) -> Page | None:
        """Return the page at a path; None if there is none."""
        if path == "/zendesk":
            return Page(self._render().encode(), HTML)
        number = path.removeprefix("/mails/")
        if number != path and number.isdecimal() and int(number) < len(self._catcher.mails):
            mail = self._catcher.mails[int(number)].html
            return Page(mail.encode(), HTML, SOURCES_OF_MAIL)
        return None

    def act(self, path: str) -> None:
        """Do what a button says."""
        action, _, number = path.removeprefix("/zendesk/").partition("/")
        try:
            self._said = self._do(action, int(number) if number.isdecimal() else 0)
        except Refusal as refusal:
            self._said = f"Zendesk refused: {refusal}"

    def _do(self, action: str, number: int) -> str:
        desk = self._zendesk.desk
        if action == "create":
            return f"A customer wrote ticket {self._create()}."
        if action == "solve":
            desk.reply(number, "solved")
            return f"An agent replied, and solved ticket {number}."
        if action == "write":
            desk.write(number)
            return f"The customer wrote again: ticket {number} is open."
        if action == "automations":
            return f"Zendesk’s automation mailed {self._zendesk.rules.run_automations()} customers."
        if action == "tick":
            return self._tick()
        raise Refusal(404, "RecordNotFound", "there is no such button")

    def _create(self) -> int:
        desk = self._zendesk.desk
        with desk.lock:
            name = f"visitor-{desk.next_number}"
            user = desk.add_user(f"{name}@example.com", name)
            place = desk.next_number
        groups = sorted(desk.groups)
        return desk.create_ticket(
            user,
            groups[place % len(groups)],
            priority=_PRIORITIES[place % len(_PRIORITIES)],
            fields={SEVERITY_FIELD: "medium"},
        )

    def _render(self) -> str:
        desk = self._zendesk.desk
        with desk.lock:
            newest = sorted(desk.tickets.values(), key=_changed, reverse=True)[:SHOWN_TICKETS]
            tickets = [self._show(ticket) for ticket in newest]
            total = len(desk.tickets)
        mails = list(enumerate(self._catcher.mails))[-SHOWN_LINES:]
        return render(
            "zendesk.html",
            tickets=tickets,
            total=total,
            mails=mails[::-1],
            deliveries=list(_show_deliveries(self._zendesk.deliveries[-SHOWN_LINES:])),
            automated=self._zendesk.rules.mails[: -SHOWN_LINES - 1 : -1],
            said=self._said,
            delay=self._delay,
            refresh_seconds=REFRESH_SECONDS,
        )

    def _show(self, ticket: DeskTicket) -> ShownTicket:
        desk = self._zendesk.desk
        notes = [show_comment(each) for each in ticket.comments if not each["public"]]
        return ShownTicket(
            number=ticket.id,
            status=ticket.status,
            group=desk.groups.get(ticket.group_id or 0, ""),
            priority=ticket.priority,
            requester=desk.users[ticket.requester_id]["email"],
            tags=ticket.tags,
            notes=[note["plain_body"] for note in notes],
        )


def _changed(ticket: DeskTicket) -> tuple[Any, int]:
    return ticket.updated_at, ticket.id


def _show_deliveries(deliveries: list[Delivery]) -> Iterator[dict[str, Any]]:
    for delivery in reversed(deliveries):
        told = json.loads(delivery.body)
        yield {
            "ticket": told["ticket_id"],
            "status_of_ticket": told["status"],
            "answer": delivery.status,
        }
