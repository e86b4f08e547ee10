"""The client for Zendesk: what it sends, how it waits, and what it says when it is refused."""

import json
import threading

import pytest

from demo.behaviour import accept_then_reset, answer, garbage, redirect, reset, truncate
from demo.zendesk_standin import EMAIL, TOKEN
from survey.delivery.failures import FailureKind
from survey.retries import ATTEMPTS
from survey.zendesk import client as client_module
from survey.zendesk.client import ZendeskClient
from survey.zendesk.errors import ZendeskError
from tests.support.raw_server import body_of, endlessly, raw_server

COMMENT = "Jane's secret comment"


@pytest.fixture
def ticket(zendesk):
    desk = zendesk.desk
    number = desk.create_ticket(desk.add_user("jane@example.com", "jane"), tags=["vip", "csat_2"])
    desk.reply(number, "solved")
    return str(number)


@pytest.fixture
def tags(zendesk):
    def tags(ticket_id):
        return sorted(zendesk.desk.tickets[int(ticket_id)].tags)

    return tags


def raised_by(call, *given) -> ZendeskError:
    with pytest.raises(ZendeskError) as raised:
        call(*given)
    return raised.value


def test_a_ticket_is_found_as_it_is_now(zendesk_client, ticket):
    found = zendesk_client.find_ticket(ticket)
    assert (found["status"], found["tags"]) == ("solved", ["vip", "csat_2"])
    assert zendesk_client.find_ticket("4711") is None


def test_a_tag_is_added_only_to_a_ticket_that_has_not_changed(
    zendesk, zendesk_client, ticket, tags, clock
):
    stamp = zendesk_client.find_ticket(ticket)["updated_at"]
    clock.advance(seconds=1)
    zendesk.desk.write(int(ticket))
    assert not zendesk_client.add_tags_if_unchanged(ticket, ["csat_sent"], stamp)
    assert "csat_sent" not in tags(ticket)
    stamp = zendesk_client.find_ticket(ticket)["updated_at"]
    assert zendesk_client.add_tags_if_unchanged(ticket, ["csat_sent"], stamp)
    assert tags(ticket) == ["csat_2", "csat_sent", "vip"]


def test_of_two_who_add_a_tag_at_once_one_wins(zendesk_client, ticket, clock):
    stamp = zendesk_client.find_ticket(ticket)["updated_at"]
    clock.advance(seconds=1)
    won = [zendesk_client.add_tags_if_unchanged(ticket, ["csat_sent"], stamp) for _ in range(2)]
    assert won == [True, False]


def test_a_closed_ticket_takes_tags_by_update_many_alone(zendesk, zendesk_client, ticket, tags):
    zendesk.desk.close(int(ticket))
    stamp = zendesk_client.find_ticket(ticket)["updated_at"]
    error = raised_by(zendesk_client.add_tags_if_unchanged, ticket, ["csat_sent"], stamp)
    assert (error.status, error.kind) == (422, FailureKind.REJECTED)
    assert "closed prevents ticket update" in error.error_message
    assert raised_by(zendesk_client.add_note, ticket, "note").kind is FailureKind.REJECTED
    replaced = [f"csat_{rating}" for rating in range(1, 6)]
    assert zendesk_client.replace_tags([ticket], ["csat_5"], replaced) == {}
    assert tags(ticket) == ["csat_5", "vip"]


def test_tags_of_many_tickets_are_replaced_by_a_job(zendesk, zendesk_client, ticket, tags):
    zendesk.api.polls = 3
    other = str(zendesk.desk.create_ticket(1000))
    refused = zendesk_client.replace_tags([ticket, "4711", other], ["csat_1"], ["csat_2"])
    assert list(refused) == ["4711"]
    assert "RecordNotFound" in refused["4711"]
    assert tags(ticket) == ["csat_1", "vip"]
    assert tags(other) == ["csat_1"]


def test_a_job_that_never_ends_is_given_up(zendesk, zendesk_client, ticket, passing):
    zendesk.api.polls = 10_000
    error = raised_by(zendesk_client.replace_tags, [ticket], ["csat_1"], [])
    assert error.kind is FailureKind.TRANSIENT
    assert passing.seconds < 2 * client_module.LONGEST_JOB_SECONDS


def test_a_note_is_internal_and_a_field_takes_a_value(zendesk, zendesk_client, ticket):
    zendesk_client.add_note(ticket, COMMENT)
    zendesk_client.set_field(ticket, "99", "https://survey.example.com/?ticketId=1")
    kept = zendesk.desk.tickets[int(ticket)]
    assert kept.comments == [{"html_body": COMMENT, "public": False}]
    assert kept.fields == {99: "https://survey.example.com/?ticketId=1"}


def test_notes_are_listed_the_newest_first_and_replies_are_none(zendesk, zendesk_client, ticket):
    kept = zendesk.desk.tickets[int(ticket)].comments
    kept.append({"body": "a reply", "public": True})
    zendesk_client.add_note(ticket, "<p>slow<br>&lt;b&gt;</p>")
    kept.append({"body": "by hand", "public": False})
    assert zendesk_client.list_notes(ticket) == ["by hand", "slow\n<b>"]


@pytest.mark.parametrize("failure", [answer(500), answer(503, "down"), reset(), truncate()])
def test_what_may_pass_is_tried_again(zendesk, zendesk_client, ticket, failure, passing):
    zendesk.behave(failure, 2)
    assert zendesk_client.find_ticket(ticket)["status"] == "solved"
    assert len(zendesk.requests) == 3
    assert len(passing.sleeps) == 2


def test_zendesk_says_how_long_to_wait(zendesk, zendesk_client, ticket, passing):
    zendesk.behave(answer(429, {}, {"Retry-After": "37"}), 1)
    zendesk_client.find_ticket(ticket)
    assert passing.sleeps == [37]


def test_nobody_waits_for_longer_than_is_sensible(zendesk, zendesk_client, ticket, passing):
    zendesk.behave(answer(429, {}, {"Retry-After": "86400"}))
    error = raised_by(zendesk_client.find_ticket, ticket)
    assert "asks to come back in 86400 s" in str(error)
    assert (error.kind, error.retry_after) == (FailureKind.TRANSIENT, 86400)
    assert passing.sleeps == []


def test_it_gives_up_after_some_tries(zendesk, zendesk_client, ticket):
    zendesk.behave(answer(502))
    assert raised_by(zendesk_client.find_ticket, ticket).kind is FailureKind.TRANSIENT
    assert len(zendesk.requests) == ATTEMPTS


def test_a_worker_that_tries_again_by_itself_is_told_at_once(zendesk, ticket, passing):
    client = ZendeskClient(zendesk.url, EMAIL, TOKEN, attempts=1, sleep=passing.sleep)
    zendesk.behave(answer(429, {}, {"Retry-After": "5"}))
    assert raised_by(client.find_ticket, ticket).retry_after == 5
    assert (len(zendesk.requests), passing.sleeps) == (1, [])


def test_a_note_is_not_added_twice_where_nobody_knows_of_the_first(zendesk, zendesk_client, ticket):
    zendesk.behave(accept_then_reset(), 1)
    assert raised_by(zendesk_client.add_note, ticket, COMMENT).kind is FailureKind.TRANSIENT
    assert len(zendesk.desk.tickets[int(ticket)].comments) == 1
    # 429 says that nothing was done.
    zendesk.behave(answer(429, {}, {"Retry-After": "1"}), 1)
    zendesk_client.add_note(ticket, "another")
    assert len(zendesk.desk.tickets[int(ticket)].comments) == 2


@pytest.mark.parametrize(
    ("behaviour", "kind", "says"),
    [
        (answer(401), FailureKind.NEEDS_OPERATOR, "CSAT_ZENDESK_TOKEN"),
        (answer(403), FailureKind.NEEDS_OPERATOR, "an administrator may"),
        (redirect(), FailureKind.NEEDS_OPERATOR, "check CSAT_ZENDESK_URL"),
        (garbage(), FailureKind.NEEDS_OPERATOR, "not as Zendesk does"),
        (answer(200), FailureKind.NEEDS_OPERATOR, "not as Zendesk does"),
        (answer(200, "[" * 100_000), FailureKind.NEEDS_OPERATOR, "not as Zendesk does"),
        (answer(422, {"error": "RecordInvalid"}), FailureKind.REJECTED, "422"),
        (answer(409, {"error": "DatabaseConflict"}), FailureKind.DEFERRED, "409"),
    ],
)
def test_a_refusal_says_what_to_do(zendesk, zendesk_client, ticket, behaviour, kind, says):
    zendesk.behave(behaviour)
    error = raised_by(zendesk_client.find_ticket, ticket)
    assert error.kind is kind
    assert says in str(error)
    assert len(zendesk.requests) == 1


def test_no_error_holds_a_secret_or_what_customers_wrote(zendesk, passing):
    client = ZendeskClient(
        zendesk.url, EMAIL, "a-wrong-token", clock=passing.clock, sleep=passing.sleep
    )
    errors = [raised_by(client.find_ticket, "1")]
    zendesk.behave(answer(422, {"error": COMMENT}))
    errors.append(raised_by(client.add_note, "1", COMMENT))
    zendesk.stop()
    errors.append(raised_by(client.find_ticket, "1"))
    for error in errors:
        assert "a-wrong-token" not in str(error) + error.error_message
        assert COMMENT not in str(error)
    assert errors[1].error_message == COMMENT


@pytest.mark.parametrize("ticket_id", ["", "A-7", "1/tags", "٣", "1?x"])
def test_what_is_no_number_is_no_ticket_of_zendesk(zendesk, zendesk_client, ticket_id):
    assert raised_by(zendesk_client.add_note, ticket_id, "x").kind is FailureKind.REJECTED
    assert zendesk.requests == []


def test_an_address_that_cannot_be_one_is_named(passing):
    client = ZendeskClient("http://[", EMAIL, TOKEN, sleep=passing.sleep)
    error = raised_by(client.find_ticket, "1")
    assert "CSAT_ZENDESK_URL" in str(error)


def test_a_slow_answer_ends_in_time(monkeypatch, passing):
    monkeypatch.setattr(client_module, "DEADLINE_SECONDS", 0.4)
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    with raw_server(endlessly(head, b" ", threading.Event())) as port:
        url = f"http://127.0.0.1:{port}"
        client = ZendeskClient(url, EMAIL, TOKEN, attempts=1, sleep=passing.sleep)
        assert raised_by(client.find_ticket, "1").kind is FailureKind.TRANSIENT


def test_an_answer_of_many_megabytes_is_read(passing):
    page = {"tickets": [{"id": number, "subject": "x" * 1000} for number in range(3000)]}
    with raw_server(body_of(json.dumps(page).encode(), 200, "")) as port:
        client = ZendeskClient(f"http://127.0.0.1:{port}", EMAIL, TOKEN, sleep=passing.sleep)
        assert len(client.export_tickets(None, 0)["tickets"]) == 3000


def test_other_requests_have_a_pace_of_their_own(zendesk_client, ticket, passing):
    for _ in range(101):
        zendesk_client.find_ticket(ticket)
    assert passing.sleeps == [60]
    zendesk_client.export_metric_events(0)
    assert passing.sleeps == [60]
