"""The stand-in's automations, triggers and webhooks: a list of each, and what automations do."""

from datetime import timedelta
from typing import Any

from demo.zendesk_desk import Desk, DeskTicket, Refusal, format_time

# What the API calls one of them, and where they are listed.
KINDS = {"automations": "automation", "triggers": "trigger", "webhooks": "webhook"}
_TIMES = {"NEW", "OPEN", "PENDING", "SOLVED", "CLOSED", "HOLD", "assigned_at", "updated_at"}
_WEBHOOK_NEEDS = ("name", "endpoint", "http_method", "request_format", "status")


class Rules:
    """The automations, triggers and webhooks of the account, as their JSON objects."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.objects: dict[str, list[dict[str, Any]]] = {kind: [] for kind in KINDS}
        # What automations mailed: the recipient, the subject and the body.
        self.mails: list[tuple[str, str, str]] = []

    def create(self, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        """Add an object. Raise Refusal if Zendesk would refuse it."""
        _check(kind, body)
        listed = self.objects[kind]
        number: int | str = 7000 + sum(map(len, self.objects.values()))
        time = format_time(self._desk.clock())
        if kind == "webhooks":
            number = f"01HZ{number}"
        created = {"active": True, **body, "id": number, "created_at": time, "updated_at": time}
        listed.append(created)
        return created

    def update(self, kind: str, number: str, body: dict[str, Any]) -> dict[str, Any]:
        """Change an object. Raise Refusal if there is none, or Zendesk would refuse the change."""
        for found in self.objects[kind]:
            if str(found["id"]) == number:
                _check(kind, {**found, **body})
                found.update(body, updated_at=format_time(self._desk.clock()))
                return found
        raise Refusal(404, "RecordNotFound", "Not found")

    def run_automations(self) -> int:
        """Run each active automation, as Zendesk does every hour; return how many mails it sent."""
        sent = len(self.mails)
        for automation in self.objects["automations"]:
            if automation["active"]:
                for ticket in list(self._desk.tickets.values()):
                    if all(self._holds(each, ticket) for each in automation["conditions"]["all"]):
                        self._act(automation, ticket)
        return len(self.mails) - sent

    def _holds(self, condition: dict[str, Any], ticket: DeskTicket) -> bool:
        what = (condition["field"], condition["operator"])
        value = condition["value"]
        if what == ("status", "is"):
            return bool(ticket.status == value)
        if what == ("current_tags", "not_includes"):
            return not set(value.split()) & set(ticket.tags)
        if what == ("SOLVED", "greater_than"):
            since = ticket.solved_at
            hours = timedelta(hours=int(value))
            return since is not None and self._desk.clock() - since > hours
        raise NotImplementedError(f"the stand-in does not know the condition {what}")

    def _act(self, automation: dict[str, Any], ticket: DeskTicket) -> None:
        for action in automation["actions"]:
            if action["field"] == "notification_user":
                _, subject, body = action["value"]
                recipient = self._desk.users[ticket.requester_id]["email"] or ""
                self.mails.append((recipient, _fill_in(subject, ticket), _fill_in(body, ticket)))
            elif action["field"] == "current_tags":
                ticket.tags += [tag for tag in action["value"].split() if tag not in ticket.tags]
        self._desk.touch(ticket)


def _fill_in(text: str, ticket: DeskTicket) -> str:
    """Return a text of a mail with the number of its ticket. The other placeholders stay."""
    return text.replace("{{ticket.id}}", str(ticket.id))


def _check(kind: str, body: dict[str, Any]) -> None:
    if kind == "webhooks":
        missing = [name for name in _WEBHOOK_NEEDS if not body.get(name)]
        if missing:
            raise Refusal(400, "InvalidWebhook", f"{missing[0]} is missing")
        return
    stated = body.get("conditions", {})
    conditions = [*stated.get("all", ()), *stated.get("any", ())]
    named = {each.get("field") for each in conditions}
    if not body.get("title") or not body.get("actions") or not conditions:
        raise Refusal(422, "RecordInvalid", "title, conditions and actions are needed")
    if kind == "automations" and not (named & _TIMES and "status" in named):
        raise Refusal(422, "RecordInvalid", "a condition on time and one on the status are needed")
