"""POST /shown: the page says that it was looked at; a signal weaker than an answer."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import select, text

from survey import page_views
from survey.links import parse_link, sign_link
from survey.outbox_payloads import unpack_event
from survey.site.app import create_app
from survey.store import outbox
from survey.store.models import OutboxRow
from survey.store.voids import void_ticket
from tests.support.pages import LINK, Page, address
from tests.support.settings import make_settings

PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1"
)
PAGE_ID = "0192f1a4-0000-4000-8000-000000000001"


def show(client, page_id=PAGE_ID, headers=(), **parameters):
    """Tell the site what the page's script tells it."""
    url = address(**parameters).replace("/?", "/shown?")
    return client.post(
        url, data=page_id, content_type="text/plain", headers={"User-Agent": PHONE, **dict(headers)}
    )


def events(database):
    with database.reading() as connection:
        payloads = connection.scalars(select(OutboxRow.payload).order_by(OutboxRow.id))
        return [unpack_event(payload) for payload in payloads]


def test_a_page_view_is_one_event_and_no_answer(client, database, clock):
    response = show(client, initialTargetArea="billing")
    assert (response.status_code, response.data) == (204, b"")
    assert response.headers["Cache-Control"] == "no-store"
    (event,) = events(database)
    properties = event.pop("properties")
    assert UUID(event.pop("uuid"))
    assert event == {
        "event": "survey shown",
        "distinct_id": "jane",
        "timestamp": clock.time.isoformat(),
    }
    assert properties == {
        "$survey_id": make_settings().event_survey_id,
        "$survey_name": "Customer satisfaction score (CSAT)",
        "$survey_language": "en",
        "ticketId": "42",
        "userId": "jane",
        "team": "web_analytics",
        "ticketTeam": "web_analytics",
        "initialTargetArea": "billing",
        "link_trust": "unverified",
        "$ignore_sent_at": True,
        "$geoip_disable": True,
        "$lib": "csat",
    }
    with database.reading() as connection:
        assert connection.scalar(text("select count(*) from answers")) == 0


def test_it_speaks_of_survey_and_ticket_as_the_answer_does(client, database):
    show(client)
    client.post(address(), data={"rating": "4"})
    shown, sent = (event["properties"] for event in events(database))
    assert {name: sent[name] for name in shown} == shown


def test_the_page_that_tells_twice_is_one_event(client, database, clock):
    for _ in range(3):
        assert show(client).status_code == 204
        clock.advance(seconds=40)
    assert len(events(database)) == 1


def test_a_page_opened_again_is_another_event(client, database):
    page_ids = [Page(client.get(address()).text).fields["submit_id"] for _ in range(2)]
    for page_id in page_ids:
        show(client, page_id)
    assert len(events(database)) == 2


def test_a_form_that_came_back_is_the_same_page(client, database):
    page = Page(client.get(address()).text)
    show(client, page.fields["submit_id"])
    again = Page(client.post(page.action, data={**page.fields, "rating": ""}).text)
    show(client, again.fields["submit_id"])
    assert len(events(database)) == 1


def test_nobody_can_take_the_id_of_another_persons_page(client, database):
    show(client, distinct_id="eve")
    show(client)
    assert [event["distinct_id"] for event in events(database)] == ["eve", "jane"]


def test_without_a_distinct_id_the_event_is_personless(client, database):
    show(client, distinct_id="")
    (event,) = events(database)
    assert event["distinct_id"] == "ticket:42"
    assert event["properties"]["$process_person_profile"] is False
    assert event["properties"]["userId"] is None


def test_testers_and_void_tickets_leave_no_trace(settings, database, clock):
    settings = settings.model_copy(update={"test_distinct_ids": frozenset({"tess"})})
    client = create_app(settings, database, clock).test_client()
    with database.writing() as connection:
        void_ticket(connection, "7", "answered by the agent", clock())
    assert show(client, distinct_id="tess").status_code == 204
    assert show(client, ticketId="7").status_code == 204
    assert events(database) == []


@pytest.mark.parametrize(
    "headers",
    [
        {"User-Agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"},
        {"User-Agent": "Mozilla/5.0 (compatible; Barracuda Sentinel (EE))"},
        {"User-Agent": "Mozilla/5.0 AppleWebKit/534+ (KHTML, like Gecko) BingPreview/1.0b"},
        {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/140.0.0.0 Safari/537.36"},
        {"User-Agent": "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"},
        {"User-Agent": "python-requests/2.32"},
        {"User-Agent": "x" * 10_000},
        {"User-Agent": ""},
        {"Sec-Purpose": "prefetch;prerender"},
        {"Sec-Purpose": "prefetch"},
        {"Purpose": "prefetch"},
        {"X-Purpose": "preview"},
    ],
)
def test_programs_and_pages_fetched_ahead_are_not_recorded(client, database, headers):
    assert show(client, headers=headers).status_code == 204
    assert events(database) == []


@pytest.mark.parametrize(
    "user_agent",
    [
        "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0",
        "Mozilla/5.0 (X11; Linux x86_64; rv:130.0) Gecko/20100101 Firefox/130.0",
        "Mozilla/5.0 (Linux; Android 10; CUBOT_X30) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/120.0.0.0 Mobile Safari/537.36",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 "
        "(KHTML, like Gecko) Mobile/15E148",
        "Mozilla/5.0 (Linux; Android 14; Pixel 7; wv) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Version/4.0 Chrome/120.0.0.0 Mobile Safari/537.36 GSA/15.1",
    ],
)
def test_browsers_and_mail_programs_of_customers_are_recorded(client, database, user_agent):
    show(client, headers={"User-Agent": user_agent})
    assert len(events(database)) == 1


class TestRefused:
    @pytest.mark.parametrize("method", ["get", "head", "put", "delete"])
    def test_other_methods(self, client, method):
        assert getattr(client, method)("/shown?ticketId=42").status_code == 405

    @pytest.mark.parametrize(
        "query", ["", "?distinct_id=jane", "?ticketId=%00", "?ticketId=" + "4" * 201]
    )
    def test_a_link_that_the_page_would_refuse(self, client, database, query):
        sent = client.post(f"/shown{query}", data=PAGE_ID, headers={"User-Agent": PHONE})
        assert sent.status_code == 400
        assert events(database) == []

    def test_a_wrong_or_missing_signature(self, database):
        settings = make_settings(link_secret="s", require_signed_links=True)
        client = create_app(settings, database).test_client()
        assert show(client).status_code == 403
        assert show(client, sig="0" * 64).status_code == 403
        assert events(database) == []
        assert show(client, sig=sign_link(parse_link(LINK), "s")).status_code == 204
        assert events(database)[0]["properties"]["link_trust"] == "signed"

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            (b"", 400),
            (b"hello", 400),
            (b"\xff\x00", 400),
            (f"{PAGE_ID}0".encode(), 400),
            (b"x" * 65, 413),
            (b"x" * 70_000, 413),
        ],
    )
    def test_a_body_that_is_no_page_id(self, client, database, body, status):
        assert show(client, body).status_code == status
        assert events(database) == []


class TestLimits:
    def test_a_ticket_has_so_many_page_views_a_day(self, client, database, clock):
        statuses = [
            show(client, str(uuid4())).status_code for _ in range(page_views.MOST_OF_A_TICKET + 2)
        ]
        assert statuses == [204] * page_views.MOST_OF_A_TICKET + [429] * 2
        assert show(client, str(uuid4()), ticketId="43").status_code == 204
        clock.advance(days=1)
        assert show(client, str(uuid4())).status_code == 204
        assert len(events(database)) == page_views.MOST_OF_A_TICKET + 2

    def test_made_up_tickets_fill_no_outbox(self, client, database, clock, monkeypatch):
        monkeypatch.setattr(page_views, "MOST_IN_ALL", 5)
        statuses = [show(client, ticketId=str(ticket)).status_code for ticket in range(7)]
        assert statuses == [204] * 5 + [429] * 2
        clock.advance(minutes=1)
        assert show(client, ticketId="7").status_code == 204

    def test_a_repeat_needs_no_room(self, client, monkeypatch):
        monkeypatch.setattr(page_views, "MOST_IN_ALL", 1)
        assert [show(client).status_code for _ in range(2)] == [204, 204]

    def test_answers_are_taken_however_many_looked(self, client, monkeypatch):
        monkeypatch.setattr(page_views, "MOST_IN_ALL", 1)
        assert [show(client, ticketId=t).status_code for t in "12"] == [204, 429]
        assert client.post(address(), data={"rating": "5"}).status_code == 303


def test_a_store_that_fails_says_so_and_keeps_the_page_working(client, database):
    with database.writing() as connection:
        connection.execute(text("alter table outbox rename to gone"))
    assert show(client).status_code == 503
    assert client.get(address()).status_code == 200


def test_page_views_and_answers_of_a_ticket_are_sent_in_their_order(client, database, clock):
    show(client)
    client.post(address(), data={"rating": "4"})
    with database.writing() as connection:
        (first,) = outbox.claim(connection, clock(), timedelta(seconds=20), 100, 10**6)
        assert unpack_event(first.payload)["event"] == "survey shown"
        outbox.mark_delivered(connection, [first.id], clock())
        (second,) = outbox.claim(connection, clock(), timedelta(seconds=20), 100, 10**6)
    assert unpack_event(second.payload)["event"] == "survey sent"
