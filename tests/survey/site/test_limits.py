"""A flood is refused, honestly, and no customer whom we know is locked out by it."""

import math
import time
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from sqlalchemy import select, text

from survey.erasing.person import erase_person
from survey.languages import LANGUAGES
from survey.links import parse_link, sign_link
from survey.outbox_payloads import unpack_event
from survey.site import app as site_app
from survey.site.app import create_app
from survey.store.daily_figures import add_figures, figures_of_day
from survey.store.errors import StoreError
from survey.store.models import AnswerRow, OutboxRow
from survey.vocabulary import DailyFigure
from tests.conftest import on_sqlite
from tests.support.pages import LINK, Page, address
from tests.support.rows import rows
from tests.support.settings import make_settings
from tests.support.site import wait_until
from tests.support.zendesk_webhook import WEBHOOK_SECRET

ATTACKER = "203.0.113.7"
BROWSER = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}


@pytest.fixture
def settings(database_url):
    return make_settings(
        database_url=database_url,
        link_secret="for signed links",
        zendesk_webhook_secret=WEBHOOK_SECRET,
        rate_limit_client=10,
        rate_limit_link=4,
        rate_limit_all=50,
    )


@pytest.fixture
def send(client):
    """Send a form, by default by Jane's link, from an address."""

    def send(*, comment="", rating="5", submit_id="", client_address="192.0.2.1", **link):
        form = {"rating": rating, "comment": comment, "submit_id": submit_id}
        return client.post(
            address(**link),
            data=form,
            environ_overrides={"REMOTE_ADDR": client_address},
            headers={"Accept-Language": link.get("lang", "en")},
        )

    return send


@pytest.fixture
def flood(send):
    """Send forms for made-up tickets from one address; how many were taken."""
    tickets = count()

    def flood(how_many=20, client_address=ATTACKER):
        answers = [
            send(client_address=client_address, ticketId=f"made-up-{next(tickets)}")
            for _ in range(how_many)
        ]
        assert {each.status_code for each in answers} <= {303, 429}
        return sum(each.status_code == 303 for each in answers)

    return flood


def signature(**link):
    return sign_link(parse_link({**LINK, **link}), "for signed links")


class TestAFloodFromOneClient:
    def test_is_refused_and_leaves_other_clients_alone(self, flood, send):
        assert flood() == 10
        assert send(client_address="203.0.113.8").status_code == 303

    @on_sqlite
    def test_counts_an_ipv6_network_of_one_customer_as_one(self, flood):
        assert sum(flood(4, f"2001:db8::{n}") for n in range(5)) == 10

    def test_does_not_refuse_a_customers_own_change(self, flood, send, database):
        send(rating="1", client_address=ATTACKER)
        flood()
        assert send(rating="4", client_address=ATTACKER).status_code == 303
        assert [row.rating for row in rows(database, AnswerRow) if row.ticket_id == "42"] == [1, 4]

    @on_sqlite
    def test_does_not_refuse_a_customer_who_was_erased_since(
        self, flood, send, database, settings, clock
    ):
        send(rating="1", client_address=ATTACKER)
        erase_person(database, settings, "jane", "Ada", clock())
        flood()
        assert send(rating="4", client_address=ATTACKER).status_code == 303

    def test_does_not_refuse_a_signed_link(self, flood, send):
        flood()
        assert send(client_address=ATTACKER, sig=signature()).status_code == 303

    def test_does_not_refuse_the_requester_of_a_known_ticket(self, flood, send, database):
        known = (
            "INSERT INTO tickets (ticket_id, requester_external_id, status, team, plan,"
            " plan_by_hand, is_surveyed, is_excluded, updated_at, first_seen_at) VALUES"
            " ('42', 'jane', 'solved', 'surveys', 'free', :no, :no, :no, :now, :now)"
        )
        with database.writing() as connection:
            at = datetime(2026, 10, 1, tzinfo=UTC)
            now = at.strftime("%Y-%m-%d %H:%M:%S.%f") if database.is_sqlite else at
            connection.execute(text(known), {"no": False, "now": now})
        flood()
        assert send(client_address=ATTACKER).status_code == 303
        assert send(client_address=ATTACKER, distinct_id="eve").status_code == 429

    @on_sqlite
    def test_by_signed_links_uses_up_nobodys_limit(self, client, send, flood):
        for number in range(60):
            ticket = f"signed-{number}"
            assert send(ticketId=ticket, sig=signature(ticketId=ticket)).status_code == 303
        assert flood() == 10


@on_sqlite
def test_an_office_behind_one_address_is_within_the_limits(database, database_url, clock):
    app = create_app(make_settings(database_url=database_url), database, clock)
    customers = app.test_client()
    for number in range(200):
        link = address(ticketId=str(number), distinct_id=f"customer-{number}")
        assert customers.post(link, data={"rating": "5"}).status_code == 303


@on_sqlite
def test_a_link_that_names_nobody_is_limited_for_each_ticket(send):
    statuses = [send(distinct_id="", rating=str(1 + n % 5)).status_code for n in range(6)]
    assert statuses == [303] * 4 + [429] * 2
    assert send(distinct_id="", ticketId="43").status_code == 303


@on_sqlite
def test_all_together_have_a_limit(flood, send):
    assert sum(flood(8, f"203.0.113.{n}") for n in range(8)) == 50
    assert send(client_address="198.51.100.1").status_code == 429
    assert send(client_address="198.51.100.1", sig=signature()).status_code == 303


@on_sqlite
class TestARefusal:
    @pytest.fixture
    def refused(self, flood, send, clock):
        flood()
        clock.advance(seconds=1)
        return lambda **given: send(client_address=ATTACKER, **given)

    def test_keeps_what_was_typed_and_says_when_to_try_again(self, refused, clock, database):
        before = len(rows(database, AnswerRow))
        answer = refused(comment="Kind,\nand <quick>", rating="4", submit_id="mine")
        page = Page(answer.text)
        assert answer.status_code == 429
        assert (page.checked, page.fields["comment"]) == ("4", "Kind,\nand <quick>")
        assert page.fields["submit_id"] == "mine"
        # It is 9:30 and a second.
        assert answer.headers["Retry-After"] == str(math.ceil(600 - 1 - 0.123456))
        assert "too many came in a short time. Please send it again in 10 minutes" in page.text
        assert len(rows(database, AnswerRow)) == before

    def test_counts_the_same_form_when_it_is_sent_in_time(self, refused, clock, client, database):
        answer = refused(comment="kept", submit_id="mine")
        clock.advance(seconds=int(answer.headers["Retry-After"]))
        page = Page(answer.text)
        again = {**page.fields, "rating": page.checked}
        for _ in range(2):
            sent = client.post(page.action, data=again, environ_overrides={"REMOTE_ADDR": ATTACKER})
            assert sent.status_code == 303
        (answer,) = [row for row in rows(database, AnswerRow) if row.ticket_id == "42"]
        assert answer.comment == "kept"

    @pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.tag)
    def test_speaks_the_language_of_the_customer(self, refused, language):
        page = Page(refused(lang=language.tag).text)
        assert page.language == language.tag
        assert ("too many came" in page.text) == (language.tag == "en")
        assert "10" in page.text.partition("textarea")[0]

    def test_can_be_read_in_another_language_without_losing_anything(self, refused, client):
        page = Page(refused(comment="kept").text)
        form = {**page.fields, "rating": page.checked, "language": "de"}
        other = Page(client.post(page.action, data=form).text)
        assert (other.language, other.fields["comment"]) == ("de", "kept")

    def test_is_made_only_for_want_of_a_reason_to_take_it(self, refused, database, monkeypatch):
        """While nobody can look who the customer is, nobody is refused for that."""

        def fail(*_, **__):
            raise StoreError("the database cannot be read")

        monkeypatch.setattr(database, "ask", fail)
        assert refused().status_code == 303


@on_sqlite
def test_refusals_are_counted_for_the_operator_without_a_commit_for_each(
    settings, database, clock, monkeypatch
):
    monkeypatch.setattr(site_app, "REFUSALS_SECONDS", 0.2)
    app, began = create_app(settings, database, clock), time.monotonic()
    commits = []
    monkeypatch.setattr(
        site_app,
        "add_figures",
        lambda connection, figures: commits.append(figures) or add_figures(connection, figures),
    )
    for number in range(25):
        app.test_client().post(address(ticketId=str(number)), data={"rating": "5"})

    def refused():
        with database.reading() as connection:
            return figures_of_day(connection, clock().date())[DailyFigure.REFUSED_CLIENT]

    wait_until(lambda: refused() == 15)
    assert sum(sum(each.values()) for each in commits) == 15
    assert len(commits) <= 1 + (time.monotonic() - began) / 0.2


@on_sqlite
def test_a_stranger_is_told_that_no_more_are_taken(database, database_url, clock):
    few = make_settings(database_url=database_url, stranger_answers_per_ticket=2)
    client = create_app(few, database, clock).test_client()
    client.post(address(), data={"rating": "5"})
    answers = [
        client.post(address(distinct_id=f"eve-{n}"), data={"rating": "1", "comment": "kept"})
        for n in range(3)
    ]
    assert [each.status_code for each in answers] == [303, 303, 429]
    page = Page(answers[2].text)
    assert "others have answered about this ticket too often" in page.text
    assert page.fields["comment"] == "kept"
    assert "Retry-After" not in answers[2].headers
    assert client.post(address(), data={"rating": "4"}).status_code == 303


@on_sqlite
def test_a_day_that_has_enough_made_up_tickets_says_when_the_next_begins(
    database, database_url, clock
):
    few = make_settings(database_url=database_url, unverified_tickets_per_day=2)
    client = create_app(few, database, clock).test_client()
    answers = [
        client.post(address(ticketId=str(n)), data={"rating": "5", "comment": "kept"})
        for n in range(3)
    ]
    assert [each.status_code for each in answers] == [303, 303, 429]
    page = Page(answers[2].text)
    # It is 9:30 in UTC.
    assert "Please send it again in 15 hours" in page.text
    assert page.fields["comment"] == "kept"
    wait = timedelta(seconds=int(answers[2].headers["Retry-After"]))
    assert timedelta(hours=14) < wait < timedelta(hours=15)


@on_sqlite
def test_page_views_of_one_client_are_limited(client, database):
    def look(number):
        return client.post(
            address(ticketId=str(number)).replace("/?", "/shown?"),
            data=f"0192f1a4-0000-4000-8000-{number:012}",
            headers=BROWSER,
        ).status_code

    assert [look(number) for number in range(12)] == [204] * 10 + [429] * 2
    with database.reading() as connection:
        payloads = connection.scalars(select(OutboxRow.payload)).all()
    assert [unpack_event(each)["event"] for each in payloads] == ["survey shown"] * 10
    # Those who look at many surveys can answer them.
    assert client.post(address(), data={"rating": "5"}).status_code == 303


@on_sqlite
def test_webhooks_that_nobody_signed_are_limited(client, capsys):
    answers = [client.post("/hooks/zendesk", data=b"{}") for _ in range(14)]
    assert [each.status_code for each in answers] == [401] * 10 + [429] * 4
    told = capsys.readouterr()
    assert (told.out + told.err).count("webhook refused") == 10


def test_no_address_is_kept_anywhere(flood, send, client, database, capsys):
    flood()
    send(client_address=ATTACKER)
    app = client.application
    told = capsys.readouterr()
    held = repr(vars(app.rate_limits._counts))
    assert ATTACKER not in told.out + told.err + held
    with database.reading() as connection:
        tables = connection.exec_driver_sql("SELECT network FROM network_days").all()
    assert tables
    assert ATTACKER.rpartition(".")[0] not in repr(tables)
