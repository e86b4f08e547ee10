"""The endpoints of Zendesk's API that the stand-in has."""

import base64
import binascii
import json
import re
from bisect import bisect_right
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from demo.zendesk_desk import Desk, DeskTicket, Refusal, format_time, refuse_closed
from demo.zendesk_rules import KINDS, Rules
from demo.zendesk_views import show_comment, show_metric_set, show_ticket

# The most rows of a page, and the most tickets that one request may change.
PAGE_SIZE = 1_000
COMMENTS_PAGE_SIZE = 100
MOST_TICKETS = 100

Query = Mapping[str, str]
Json = dict[str, Any]
Endpoint = Callable[["Api", Query, Json, "re.Match[str]"], tuple[int, Json | None]]


class Api:
    """Answers requests about a desk and its rules.

    `page_size` is the most rows of a page of an export. `polls` is how often a job says that it is
    not done yet.
    """

    def __init__(self, desk: Desk, rules: Rules) -> None:
        self.desk = desk
        self.rules = rules
        self.url = ""
        self.page_size = PAGE_SIZE
        self.polls = 0
        self._jobs: dict[str, tuple[list[Json], int]] = {}

    def answer(self, method: str, path: str, query: Query, body: Json) -> tuple[int, Json | None]:
        """Return the status and the body of the answer to a request."""
        plain = path.removesuffix(".json").rstrip("/")
        with self.desk.lock:
            try:
                for verb, pattern, endpoint in _ENDPOINTS:
                    match = re.fullmatch(pattern, plain)
                    if verb == method and match:
                        return endpoint(self, query, body, match)
            except Refusal as refusal:
                return refusal.status, refusal.body
        return 404, {"error": "InvalidEndpoint", "description": "Not found"}

    def export_tickets(self, query: Query, _body: Json, _: object) -> tuple[int, Json]:
        """Return a page of the incremental export of tickets, by cursor."""
        rows = self.desk.exported()
        until = int(self.desk.newest_exported().timestamp())
        if "cursor" in query:
            begin = bisect_right(rows, _read_cursor(query["cursor"]))
        else:
            begin = bisect_right(rows, (_start_time(query), 0))
        end = min(begin + self.page_size, bisect_right(rows, (until + 1, 0)))
        # Rows can repeat: here the last one of the page before.
        first = begin - 1 if "cursor" in query and 0 < begin < end else begin
        tickets = [self.desk.tickets[number] for _, number in rows[first : max(end, first)]]
        is_last = end < begin + self.page_size
        before = _read_cursor(query["cursor"]) if "cursor" in query else (_start_time(query), 0)
        cursor = _write_cursor(rows[end - 1] if end > begin else before)
        page: Json = {
            "tickets": [show_ticket(each, self.url) for each in tickets],
            "after_url": f"{self.url}/api/v2/incremental/tickets/cursor.json?cursor={cursor}",
            "after_cursor": cursor,
            "before_url": None,
            "before_cursor": None,
            "end_of_stream": is_last,
        }
        included = query.get("include", "").split(",")
        if "metric_sets" in included:
            page["metric_sets"] = [show_metric_set(each) for each in tickets]
        if "users" in included:
            asking = {each.requester_id for each in tickets} & set(self.desk.users)
            page["users"] = [self.desk.users[number] for number in sorted(asking)]
        if "groups" in included:
            named = {each.group_id for each in tickets if each.group_id in self.desk.groups}
            page["groups"] = [
                {"id": number, "name": self.desk.groups[number]} for number in named if number
            ]
        return 200, page

    def export_metric_events(self, query: Query, _body: Json, _: object) -> tuple[int, Json]:
        """Return a page of the incremental export of metric events, by time."""
        start = _start_time(query)
        until = format_time(self.desk.newest_exported()) or ""
        events = self.desk.exported_events()
        begin = bisect_right(events, _before(start), key=_time)
        last = bisect_right(events, until, key=_time)
        # A page ends with a whole second, so that the next one can begin there.
        end = min(begin + self.page_size, last)
        if begin < end:
            end = min(bisect_right(events, _time(events[end - 1]), key=_time), last)
        end_time = _seconds(_time(events[end - 1])) if end > begin else None
        path = f"{self.url}/api/v2/incremental/ticket_metric_events.json"
        return 200, {
            "ticket_metric_events": events[begin : max(end, begin)],
            "count": max(end - begin, 0),
            "end_time": end_time,
            "next_page": None if end_time is None else f"{path}?start_time={end_time}",
            "end_of_stream": end >= last,
        }

    def show_ticket(self, _query: Query, _body: Json, match: "re.Match[str]") -> tuple[int, Json]:
        """Return a ticket."""
        return 200, {"ticket": show_ticket(self.desk.find(int(match[1])), self.url)}

    def update_ticket(self, _query: Query, body: Json, match: "re.Match[str]") -> tuple[int, Json]:
        """Change a ticket, and add a comment to it."""
        ticket = self.desk.find(int(match[1]))
        changes = body["ticket"]
        refuse_closed(ticket)
        _refuse_conflict(ticket, changes)
        self._change(ticket, changes)
        return 200, {"ticket": show_ticket(ticket, self.url), "audit": {"events": []}}

    def list_comments(self, query: Query, _body: Json, match: "re.Match[str]") -> tuple[int, Json]:
        """Return the first page of a ticket's comments."""
        comments = [show_comment(each) for each in self.desk.find(int(match[1])).comments]
        if query.get("sort_order") == "desc":
            comments.reverse()
        return 200, {"comments": comments[:COMMENTS_PAGE_SIZE], "count": len(comments)}

    def add_tags(self, _query: Query, body: Json, match: "re.Match[str]") -> tuple[int, Json]:
        """Add tags to a ticket."""
        ticket = self.desk.find(int(match[1]))
        refuse_closed(ticket)
        _refuse_conflict(ticket, body)
        self._change(ticket, {"additional_tags": body["tags"]})
        return 200, {"tags": ticket.tags}

    def remove_tags(self, _query: Query, body: Json, match: "re.Match[str]") -> tuple[int, Json]:
        """Remove tags from a ticket."""
        ticket = self.desk.find(int(match[1]))
        refuse_closed(ticket)
        _refuse_conflict(ticket, body)
        self._change(ticket, {"remove_tags": body["tags"]})
        return 200, {"tags": ticket.tags}

    def update_many(self, query: Query, body: Json, _: object) -> tuple[int, Json]:
        """Begin a job that changes up to 100 tickets alike."""
        numbers = [int(number) for number in query.get("ids", "").split(",") if number.isdigit()]
        if not numbers or len(numbers) > MOST_TICKETS:
            raise Refusal(400, "TooManyValues", f"give 1 to {MOST_TICKETS} ids")
        results = [self._update_one(i, each, body["ticket"]) for i, each in enumerate(numbers)]
        job_id = f"{len(self._jobs):032x}"
        self._jobs[job_id] = (results, self.polls)
        return 200, self._show_job(job_id, "queued")

    def show_job(self, _query: Query, _body: Json, match: "re.Match[str]") -> tuple[int, Json]:
        """Return how far a job is."""
        if match[1] not in self._jobs:
            raise Refusal(404, "RecordNotFound", "Not found")
        results, polls = self._jobs[match[1]]
        self._jobs[match[1]] = (results, polls - 1)
        return 200, self._show_job(match[1], "working" if polls > 0 else "completed")

    def list_rules(self, query: Query, _body: Json, match: "re.Match[str]") -> tuple[int, Json]:
        """Return a page of automations, triggers or webhooks."""
        listed = self.rules.objects[match[1]]
        begin = int(query.get("page[after]") or 0)
        end = begin + int(query.get("page[size]") or 100)
        has_more = end < len(listed)
        meta = {"has_more": has_more, "after_cursor": str(end) if has_more else None}
        return 200, {match[1]: listed[begin:end], "meta": meta}

    def create_rule(self, _query: Query, body: Json, match: "re.Match[str]") -> tuple[int, Json]:
        """Create an automation, a trigger or a webhook."""
        name = KINDS[match[1]]
        return 201, {name: self.rules.create(match[1], body[name])}

    def update_rule(
        self, _query: Query, body: Json, match: "re.Match[str]"
    ) -> tuple[int, Json | None]:
        """Change an automation, a trigger or a webhook."""
        name = KINDS[match[1]]
        changed = self.rules.update(match[1], match[2], body[name])
        return (204, None) if match[1] == "webhooks" else (200, {name: changed})

    def _update_one(self, index: int, number: int, changes: Json) -> Json:
        result: Json = {"index": index, "id": number, "action": "update"}
        try:
            ticket = self.desk.find(number)
            if set(changes) - {"additional_tags", "remove_tags", "subject", "priority"}:
                refuse_closed(ticket)
            self._change(ticket, changes)
        except Refusal as refusal:
            error = {"error": refusal.body["error"], "details": refusal.body["description"]}
            return {**result, "success": False, "status": "Failed", **error}
        return {**result, "success": True, "status": "Updated"}

    def _change(self, ticket: DeskTicket, changes: Json) -> None:
        added, removed = changes.get("additional_tags", ()), changes.get("remove_tags", ())
        tags = list(changes.get("tags", ticket.tags))
        tags = [tag for tag in tags if tag not in removed]
        ticket.tags = tags + [tag for tag in added if tag not in tags]
        ticket.fields |= {each["id"]: each["value"] for each in changes.get("custom_fields", ())}
        if "comment" in changes:
            ticket.comments.append({"public": True, **changes["comment"]})
        if "priority" in changes:
            ticket.priority = changes["priority"]
        # A trigger would run now, and the webhook would be sent. The stand-in sends none while it
        # answers, because whoever asks may be the one that receives.
        self.desk.touch(ticket, quietly=True)

    def _show_job(self, job_id: str, status: str) -> Json:
        results = self._jobs[job_id][0]
        is_done = status == "completed"
        return {
            "job_status": {
                "id": job_id,
                "url": f"{self.url}/api/v2/job_statuses/{job_id}.json",
                "job_type": "Bulk Update Ticket",
                "total": len(results),
                "progress": len(results) if is_done else None,
                "status": status,
                "message": None,
                "results": results if is_done else None,
            }
        }


_RULE = f"/api/v2/({'|'.join(KINDS)})"
_ENDPOINTS: tuple[tuple[str, str, Endpoint], ...] = (
    ("GET", "/api/v2/incremental/tickets/cursor", Api.export_tickets),
    ("GET", "/api/v2/incremental/ticket_metric_events", Api.export_metric_events),
    ("PUT", "/api/v2/tickets/update_many", Api.update_many),
    ("GET", r"/api/v2/job_statuses/(\w+)", Api.show_job),
    ("GET", r"/api/v2/tickets/(\d+)", Api.show_ticket),
    ("PUT", r"/api/v2/tickets/(\d+)", Api.update_ticket),
    ("GET", r"/api/v2/tickets/(\d+)/comments", Api.list_comments),
    ("PUT", r"/api/v2/tickets/(\d+)/tags", Api.add_tags),
    ("DELETE", r"/api/v2/tickets/(\d+)/tags", Api.remove_tags),
    ("GET", _RULE, Api.list_rules),
    ("POST", _RULE, Api.create_rule),
    ("PUT", _RULE + r"/(\w+)", Api.update_rule),
)


def _refuse_conflict(ticket: DeskTicket, changes: Json) -> None:
    """Raise Refusal for a safe update of a ticket that has changed meanwhile."""
    is_safe = str(changes.get("safe_update", "")).lower() == "true"
    if is_safe and changes.get("updated_stamp") != format_time(ticket.updated_at):
        raise Refusal(
            409,
            "UpdateConflict",
            "Safe Update prevented the update due to outdated ticket data. Please fetch the "
            "latest ticket data and try again.",
        )


def _start_time(query: Query) -> int:
    try:
        return int(query["start_time"])
    except (KeyError, ValueError):
        raise Refusal(400, "StartTimeMissing", "start_time is missing or no number") from None


def _write_cursor(row: tuple[int, int]) -> str:
    return base64.urlsafe_b64encode(f"{row[0]}.0||{row[1]}".encode()).decode()


def _read_cursor(text: str) -> tuple[int, int]:
    try:
        time, _, number = base64.urlsafe_b64decode(text).decode().partition(".0||")
        return int(time), int(number)
    except (ValueError, binascii.Error):
        raise Refusal(422, "InvalidCursor", "the cursor is not valid") from None


def _before(seconds: int) -> str:
    """Return the text of the last second before a time."""
    return format_time(datetime.fromtimestamp(seconds - 1, UTC)) or ""


def _time(event: Json) -> str:
    return str(event["time"])


def _seconds(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def read_json(body: bytes) -> Json:
    """Return the object in a body; an empty one for none. Raise Refusal if it is no object."""
    try:
        read = json.loads(body or b"{}")
    except ValueError:
        read = None
    if not isinstance(read, dict):
        raise Refusal(422, "InvalidBody", "the body is no JSON object")
    return read
