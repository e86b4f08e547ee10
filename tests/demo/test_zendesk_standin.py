"""The stand-in for Zendesk over real HTTP: what it lists, takes, refuses, and tells."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime

import pytest
import requests

from demo.behaviour import ACCEPT, answer, hang, slowly
from demo.zendesk_standin import EMAIL, TOKEN, WEBHOOK_SECRET, ZendeskStandIn
from tests.support.clock import Clock
from tests.support.passing_time import PassingTime
from tests.support.webhook_server import webhook_server

SINCE = int(datetime(2026, 10, 1, tzinfo=UTC).timestamp())


@pytest.fixture
def clock():
    return Clock(datetime(2026, 10, 14, 9, 30, tzinfo=UTC))


@pytest.fixture
def passing():
    return PassingTime()


@pytest.fixture
def standin(clock, passing):
    with ZendeskStandIn(clock=clock, seconds=passing.clock) as running:
        yield running


@pytest.fixture
def desk(standin):
    return standin.desk


@pytest.fixture
def ticket(desk, clock):
    number = desk.create_ticket(
        desk.add_user("jane@example.com", "jane"), desk.add_group("Surveys")
    )
    clock.advance(hours=1)
    desk.reply(number, "solved")
    clock.advance(minutes=2)
    return number


@pytest.fixture
def call(standin):
    def call(method, path, body=None, auth=(f"{EMAIL}/token", TOKEN), **query):
        return requests.request(
            method, f"{standin.url}/api/v2/{path}", json=body, params=query, auth=auth, timeout=5
        )

    return call


def test_only_the_agent_with_the_token_gets_in(call, standin):
    assert call("GET", "tickets/1.json", auth=None).status_code == 401
    assert call("GET", "tickets/1.json", auth=(EMAIL, TOKEN)).status_code == 401
    assert call("GET", "tickets/1.json").status_code == 404
    assert len(standin.requests) == 3


def test_the_export_pages_by_cursor_and_rows_repeat(call, standin, desk, clock):
    standin.api.page_size = 3
    numbers = [desk.create_ticket(desk.add_user(None)) for _ in range(5)]
    clock.advance(minutes=2)
    path = "incremental/tickets/cursor.json"
    first = call("GET", path, start_time=SINCE).json()
    second = call("GET", path, cursor=first["after_cursor"]).json()
    assert [row["id"] for row in first["tickets"]] == numbers[:3]
    assert [row["id"] for row in second["tickets"]] == numbers[2:]
    assert (first["end_of_stream"], second["end_of_stream"]) == (False, True)
    third = call("GET", path, cursor=second["after_cursor"]).json()
    assert (third["tickets"], third["end_of_stream"]) == ([], True)
    desk.write(numbers[0])
    assert call("GET", path, cursor=third["after_cursor"]).json()["tickets"] == []
    clock.advance(seconds=61)  # the last minute is left out
    fourth = call("GET", path, cursor=third["after_cursor"]).json()
    assert numbers[0] in [row["id"] for row in fourth["tickets"]]
    assert call("GET", path).status_code == 400
    assert call("GET", path, cursor="!").status_code == 422


def test_what_is_included_stands_beside_the_tickets(call, ticket):
    path, included = "incremental/tickets/cursor.json", "metric_sets,users,groups"
    page = call("GET", path, start_time=SINCE, include=included).json()
    (row,), (metrics,), (user,) = page["tickets"], page["metric_sets"], page["users"]
    assert (row["id"], row["status"], row["via"]["channel"]) == (ticket, "solved", "email")
    assert (metrics["ticket_id"], metrics["replies"]) == (ticket, 1)
    assert metrics["solved_at"] == "2026-10-14T10:30:00Z"
    assert (user["id"], user["external_id"]) == (row["requester_id"], "jane")
    assert page["groups"] == [{"id": row["group_id"], "name": "Surveys"}]
    assert "users" not in call("GET", path, start_time=SINCE).json()


def test_metric_events_come_by_time_and_the_last_second_repeats(call, standin, desk, clock, ticket):
    standin.api.page_size = 4
    desk.write(ticket)
    clock.advance(minutes=2)
    path = "incremental/ticket_metric_events.json"
    first = call("GET", path, start_time=SINCE).json()
    replies = [
        (event["instance_id"], event["type"])
        for event in first["ticket_metric_events"]
        if event["metric"] == "reply_time"
    ]
    # A page ends with a whole second.
    assert replies == [(1, "activate"), (1, "fulfill"), (1, "update_status")]
    assert not first["end_of_stream"]
    second = call("GET", path, start_time=first["end_time"]).json()
    assert [event["type"] for event in second["ticket_metric_events"]] == [
        *("fulfill", "update_status", "activate")
    ]
    assert second["end_of_stream"]
    later = call("GET", path, start_time=second["end_time"] + 1).json()
    assert (later["count"], later["end_time"]) == (0, None)


def test_ten_exports_a_minute_and_no_more(call, passing):
    path = "incremental/ticket_metric_events.json"
    statuses = [call("GET", path, start_time=SINCE).status_code for _ in range(10)]
    refused = call("GET", path, start_time=SINCE)
    assert (set(statuses), refused.status_code) == ({200}, 429)
    passing.sleep(float(refused.headers["Retry-After"]))
    assert call("GET", path, start_time=SINCE).status_code == 200


@pytest.mark.parametrize("path", ["tickets/1/tags.json", "tickets/1.json"])
def test_a_safe_update_of_a_changed_ticket_is_a_conflict(call, desk, ticket, path):
    stamp = call("GET", "tickets/1.json").json()["ticket"]["updated_at"]
    safe = {"updated_stamp": stamp, "safe_update": "true"}
    wanted = {"tags": ["a"], **safe} if "tags" in path else {"ticket": {"tags": ["a"], **safe}}
    desk.write(ticket)
    assert call("PUT", path, wanted).status_code == 409
    stamp = call("GET", "tickets/1.json").json()["ticket"]["updated_at"]
    text = json.dumps(wanted).replace(safe["updated_stamp"], stamp)
    assert call("PUT", path, json.loads(text)).status_code == 200
    assert desk.tickets[1].tags == ["a"]


def test_a_closed_ticket_takes_nothing_but_tags_by_update_many(call, desk, ticket):
    desk.close(ticket)
    for method, path, body in (
        ("PUT", "tickets/1/tags.json", {"tags": ["a"]}),
        ("DELETE", "tickets/1/tags.json", {"tags": ["a"]}),
        ("PUT", "tickets/1.json", {"ticket": {"comment": {"body": "x", "public": False}}}),
    ):
        refused = call(method, path, body)
        assert refused.status_code == 422
        assert "closed prevents ticket update" in refused.text
    many = call(
        "PUT", "tickets/update_many.json", {"ticket": {"additional_tags": ["a"]}}, ids="1,9"
    )
    job = many.json()["job_status"]
    assert (job["status"], job["results"]) == ("queued", None)
    done = call("GET", f"job_statuses/{job['id']}.json").json()["job_status"]
    assert done["status"] == "completed"
    assert [result["success"] for result in done["results"]] == [True, False]
    assert desk.tickets[1].tags == ["a"]
    comment = {"ticket": {"comment": {"body": "x"}}}
    refused = call("PUT", "tickets/update_many.json", comment, ids="1").json()["job_status"]
    result = call("GET", f"job_statuses/{refused['id']}.json").json()["job_status"]["results"][0]
    assert not result["success"]
    ids = ",".join(map(str, range(101)))
    assert call("PUT", "tickets/update_many.json", comment, ids=ids).status_code == 400


def test_a_deleted_ticket_is_found_by_the_export_alone(call, desk, clock, ticket):
    desk.delete(ticket)
    assert call("GET", "tickets/1.json").status_code == 404
    clock.advance(minutes=2)
    rows = call("GET", "incremental/tickets/cursor.json", start_time=SINCE).json()["tickets"]
    assert [row["status"] for row in rows] == ["deleted"]


def test_rules_are_created_listed_and_changed(call):
    conditions = {"all": [{"field": "status"}, {"field": "SOLVED"}], "any": []}
    body = {"automation": {"title": "Ask", "conditions": conditions, "actions": [{}]}}
    made = call("POST", "automations.json", body)
    assert made.status_code == 201
    number = made.json()["automation"]["id"]
    changed = call("PUT", f"automations/{number}.json", {"automation": {"title": "Ask again"}})
    assert (changed.status_code, changed.json()["automation"]["title"]) == (200, "Ask again")
    listed = call("GET", "automations.json").json()
    assert [each["title"] for each in listed["automations"]] == ["Ask again"]
    assert not listed["meta"]["has_more"]
    body["automation"]["conditions"] = {"all": [{"field": "status"}]}
    assert call("POST", "automations.json", body).status_code == 422
    assert call("POST", "webhooks.json", {"webhook": {"name": "x"}}).status_code == 400
    assert call("PUT", "webhooks/none.json", {"webhook": {}}).status_code == 404


def test_each_change_by_a_person_is_told_by_a_signed_webhook(standin, desk, clock):
    jane = desk.add_user('jane"@example.com', "jane", locale="de")
    with webhook_server() as server:
        standin.notify(server.url, severity_field=360)
        number = desk.create_ticket(jane, desk.add_group("Sales & CS"), fields={360: "sev_1"})
        clock.advance(seconds=59)
        desk.solve(number)
        desk.write(number)
        desk.merge(number)
        desk.delete(desk.create_ticket(jane))  # of which no trigger tells
    told = server.posts
    assert [each["status"] for each in told] == ["New", "Solved", "Open", "Closed", "New"]
    assert told[1] == {
        "ticket_id": "1",
        "status": "Solved",
        "requester_external_id": "jane",
        "requester_email": 'jane"@example.com',
        "requester_name": "Customer 1000",
        "group": "Sales & CS",
        "priority": "Normal",
        "severity": "sev_1",
        "language": "de",
        "channel": "email",
        "created_at": "2026-10-14T09:30Z",
        "solved_at": "",
        "updated_at": "2026-10-14T09:30Z",
        "tags": [],
    }
    assert [each.status for each in standin.deliveries] == [200] * 5
    assert len({each.invocation_id for each in standin.deliveries}) == 5


def test_the_signature_is_that_of_the_documentation(standin, monkeypatch):
    posted = {}

    def post(_address, **given):
        posted.update(given["headers"], body=given["data"])
        raise requests.ConnectionError

    monkeypatch.setattr(requests, "post", post)
    assert standin.send_webhook("http://nowhere", {"ticket_id": "1"}).status is None
    signed = posted["X-Zendesk-Webhook-Signature-Timestamp"].encode() + posted["body"]
    digest = hmac.new(WEBHOOK_SECRET.encode(), signed, hashlib.sha256).digest()
    assert posted["X-Zendesk-Webhook-Signature"] == base64.b64encode(digest).decode()
    assert posted["X-Zendesk-Webhook-Signature-Timestamp"] == "2026-10-14T09:30:00Z"


@pytest.mark.usefixtures("ticket")
def test_it_fails_as_it_is_told(call, standin):
    standin.behave(answer(503), 1)
    assert [call("GET", "tickets/1.json").status_code for _ in range(2)] == [503, 200]
    standin.behave(answer(429, {}, {"Retry-After": "1"}), to="update_many")
    assert call("GET", "tickets/1.json").status_code == 200
    assert call("PUT", "tickets/update_many.json", {"ticket": {}}, ids="1").status_code == 429
    standin.behave(slowly(0.001), 1)
    assert call("GET", "tickets/1.json").json()["ticket"]["id"] == 1
    standin.behave(ACCEPT)
    assert call("GET", "nothing.json").status_code == 404


def test_a_hang_ends_with_the_server(call, standin):
    standin.behave(hang())
    with pytest.raises(requests.Timeout):
        requests.get(f"{standin.url}/api/v2/tickets/1.json", timeout=0.2)
    standin.stop()
    standin.behave(ACCEPT)
    standin.start()
    assert call("GET", "tickets/1.json").status_code == 404
