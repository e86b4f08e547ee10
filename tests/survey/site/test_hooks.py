"""POST /hooks/zendesk: what Zendesk tells is kept, once, and nobody else is believed."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import requests
from sqlalchemy import text

from survey.site.app import create_app
from survey.store.database import Database
from survey.store.errors import StoreError
from survey.store.models import TicketRow, WebhookInvocationRow
from survey.zendesk import receiving
from survey.zendesk.receiving import Webhook, forget_invocations, receive_webhooks
from survey.zendesk.webhook import read_webhook
from tests.conftest import on_sqlite
from tests.support.browser import served
from tests.support.rows import rows
from tests.support.settings import make_settings
from tests.support.zendesk_webhook import WEBHOOK_SECRET, webhook_body, webhook_headers

PATH = "/hooks/zendesk"


@pytest.fixture
def settings(database_url):
    return make_settings(database_url=database_url, zendesk_webhook_secret=WEBHOOK_SECRET)


@pytest.fixture
def deliver(client, clock):
    """Send a webhook as Zendesk does; `headers` replace those that are right."""

    def deliver(body=None, invocation_id="", headers=(), **given):
        body = webhook_body(**given) if body is None else body
        signed = webhook_headers(body, clock(), invocation_id)
        return client.post(PATH, data=body, headers={**signed, **dict(headers)})

    return deliver


def kept(database):
    return (*rows(database, TicketRow), *rows(database, WebhookInvocationRow))


def test_a_ticket_is_kept_with_what_is_needed_of_it(deliver, database, clock):
    answer = deliver(invocation_id="01JD")
    assert (answer.status_code, answer.data) == (204, b"")
    ticket, invocation = kept(database)
    assert (ticket.ticket_id, ticket.requester_external_id, ticket.team, ticket.plan) == (
        *("42", "jane", "web_analytics", "enterprise"),
    )
    assert ticket.solved_at == datetime(2026, 10, 14, 9, 30, tzinfo=UTC)
    assert ticket.first_seen_at == clock()
    assert "Jane Doe" not in repr(ticket)
    assert tuple(invocation) == ("01JD", clock())


def test_the_answer_is_for_a_program(deliver):
    answer = deliver()
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Content-Language" not in answer.headers


def test_without_a_secret_there_is_no_such_page(database, database_url, clock):
    client = create_app(make_settings(database_url=database_url), database, clock).test_client()
    body = webhook_body()
    answer = client.post(PATH, data=body, headers=webhook_headers(body, clock()))
    assert answer.status_code == 404
    other = client.post("/hooks/other")
    request_id = other.headers["X-Request-ID"]
    assert answer.text == other.text.replace(request_id, answer.headers["X-Request-ID"])
    assert kept(database) == ()


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Zendesk-Webhook-Signature": ""},
        {"X-Zendesk-Webhook-Signature": "é" * 44},
        {"X-Zendesk-Webhook-Signature-Timestamp": "2026-10-14T09:29:59Z"},
        {"X-Zendesk-Webhook-Signature-Timestamp": "x" * 1000},
    ],
)
def test_a_delivery_that_is_not_signed_is_refused_and_nothing_kept(deliver, database, headers):
    assert deliver(invocation_id="01JD", headers=headers).status_code == 401
    assert kept(database) == ()


def test_what_is_not_signed_is_not_even_read(client, database):
    assert client.post(PATH).status_code == 401
    assert client.post(PATH, data=b"{").status_code == 401
    assert kept(database) == ()


def test_a_recorded_delivery_is_refused_after_five_minutes(deliver, client, database, clock):
    body = webhook_body()
    recorded = webhook_headers(body, clock(), "01JD")
    clock.advance(minutes=5, seconds=1)
    assert client.post(PATH, data=body, headers=recorded).status_code == 401
    assert kept(database) == ()
    assert deliver(body).status_code == 204


def test_why_a_delivery_was_refused_is_in_the_log_and_nothing_of_it(deliver, capsys):
    deliver(headers={"X-Zendesk-Webhook-Signature": "wrong"})
    deliver(status="", requester_external_id="jane-s-id")
    told = capsys.readouterr()
    log = told.out + told.err
    assert "CSAT_ZENDESK_WEBHOOK_SECRET" in log
    assert "status is missing" in log
    assert "jane-s-id" not in log
    assert WEBHOOK_SECRET not in log


def test_one_that_is_signed_and_malformed_is_told_why(deliver, database):
    answer = deliver(updated_at="2026-10-14T09:30:00", invocation_id="01JD")
    assert answer.status_code == 400
    assert answer.text.startswith("This webhook cannot be read: updated_at is not a time")
    assert answer.content_type == "text/plain; charset=utf-8"
    assert kept(database) == ()
    assert deliver(b"").status_code == 400
    assert deliver(invocation_id="x" * 201).status_code == 400


def test_a_body_that_is_too_large_is_refused(deliver, database):
    answer = deliver(requester_name="x" * 64 * 1024)
    assert (answer.status_code, answer.text) == (413, "This webhook has more than 64 kB.\n")
    assert kept(database) == ()


@pytest.mark.parametrize("method", ["get", "put", "delete"])
def test_nothing_else_than_a_post_is_taken(client, method):
    assert getattr(client, method)(PATH).status_code == 405


def test_the_same_invocation_again_changes_nothing(deliver, database):
    deliver(invocation_id="01JD")
    before = kept(database)
    assert deliver(invocation_id="01JD", status="open").status_code == 204
    assert kept(database) == before
    deliver(invocation_id="01JE", status="open")
    assert kept(database)[0].status == "open"


def test_deliveries_without_an_id_are_all_taken(deliver, database):
    deliver()
    deliver(status="open")
    (ticket,) = kept(database)
    assert ticket.status == "open"


def test_an_older_update_never_replaces_a_newer_one(deliver, database):
    deliver(status="open", updated_at="2026-10-14T09:31Z")
    deliver(updated_at="2026-10-14T09:30Z", group="Surveys")
    (ticket,) = kept(database)
    assert (ticket.status, ticket.team) == ("open", "web_analytics")
    deliver(updated_at="2026-10-14T09:32Z", group="Surveys")
    (ticket,) = kept(database)
    assert (ticket.status, ticket.team) == ("solved", "surveys")


def test_what_cannot_be_stored_now_is_to_be_sent_again(deliver, database, monkeypatch):
    def fail(*_):
        raise StoreError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(receiving, "save_updates", fail)
        answer = deliver(invocation_id="01JD")
    assert answer.status_code == 503
    assert 0 < int(answer.headers["Retry-After"]) < 60
    assert kept(database) == ()
    assert deliver(invocation_id="01JD").status_code == 204
    assert len(kept(database)) == 2


@on_sqlite
def test_over_http_204_means_that_it_is_on_the_disk(settings, database, clock):
    body = webhook_body(requester_name="Zoë 🦔")
    headers = webhook_headers(body, clock(), "01JD")
    with served(create_app(settings, database, clock)) as url:
        assert requests.post(f"{url}{PATH}", body, headers=headers, timeout=10).status_code == 204
        stored = Database(settings.database_url)
        assert len(kept(stored)) == 2
        stored.close()
        headers = {**headers, "X-Zendesk-Webhook-Signature": "é".encode()}
        assert requests.post(f"{url}{PATH}", body, headers=headers, timeout=10).status_code == 401


class TestTogether:
    """The webhooks of a group are kept in one transaction."""

    def make(self, clock, invocation_id=None, **given):
        return Webhook(read_webhook(webhook_body(**given)), invocation_id, clock())

    def test_a_repeat_within_a_group_changes_nothing(self, database, settings, clock):
        first = self.make(clock, "a")
        repeat = self.make(clock, "a", status="open")
        other = self.make(clock, "b", ticket_id="43")
        again = self.make(clock, None, ticket_id="44")
        told = receive_webhooks(database, settings, [first, repeat, other, again, again])
        assert told == [True, False, True, True, True]
        tickets = {row.ticket_id: row.status for row in rows(database, TicketRow)}
        assert tickets == {"42": "solved", "43": "solved", "44": "solved"}

    def test_those_of_the_same_minute_count_in_the_order_in_which_they_came(
        self, database, settings, clock
    ):
        statuses = ("solved", "open", "pending")
        group = [self.make(clock, status, status=status) for status in statuses]
        receive_webhooks(database, settings, group)
        assert rows(database, TicketRow)[0].status == "pending"

    def test_repeats_at_the_same_time_are_taken_once(self, database, settings, clock):
        groups = [
            [self.make(clock, f"{n}", ticket_id=f"{n % 7}") for n in numbers]
            for numbers in (range(20), range(19, -1, -1), range(10, 30), range(29, 9, -1))
        ]
        begin = threading.Barrier(len(groups))

        def receive(group):
            begin.wait(10)
            return receive_webhooks(database, settings, group)

        with ThreadPoolExecutor(len(groups)) as pool:
            told = list(pool.map(receive, groups))
        assert sum(map(sum, told)) == 30
        assert len(rows(database, WebhookInvocationRow)) == 30
        assert len(rows(database, TicketRow)) == 7


def test_old_invocations_are_forgotten_by_tick(deliver, database, settings, clock):
    deliver(invocation_id="01JD")
    clock.advance(hours=20)
    deliver(invocation_id="01JE")
    assert forget_invocations(database, settings, clock()) is None
    assert len(rows(database, WebhookInvocationRow)) == 2
    forget_invocations(database, settings, clock() + timedelta(hours=5))
    assert [row.invocation_id for row in rows(database, WebhookInvocationRow)] == ["01JE"]
    # The newest stays: `csat doctor` tells by it when a webhook came last.
    forget_invocations(database, settings, clock() + timedelta(days=30))
    assert [row.invocation_id for row in rows(database, WebhookInvocationRow)] == ["01JE"]


@on_sqlite
def test_a_store_without_webhooks_is_not_written_by_tick(database, database_url, clock):
    with database.writing() as connection:
        connection.execute(text("INSERT INTO webhook_invocations VALUES ('x', '2020-01-01')"))
    forget_invocations(database, make_settings(database_url=database_url), clock())
    assert len(rows(database, WebhookInvocationRow)) == 1
