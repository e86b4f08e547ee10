"""POST /: the one way to record an answer, and what the thanks may show of it."""

import sqlite3

import pytest
from sqlalchemy import select

from survey.links import parse_link, sign_link
from survey.months import Month
from survey.outbox_payloads import unpack_event
from survey.site.app import create_app
from survey.store.models import AnswerRow, OutboxRow, ResponseRow
from tests.conftest import on_sqlite
from tests.support.pages import LINK, Page, address
from tests.support.rows import rows
from tests.support.settings import make_settings


def submit(client, url=None, **fields):
    """Send the form as a browser does, and follow it to the thanks."""
    url = url or address()
    page = Page(client.get(url).text)
    sent = client.post(page.action or url, data={**page.fields, **fields})
    assert sent.status_code == 303, sent.text
    return client.get(sent.headers["Location"])


def test_an_answer_is_stored_with_its_response_and_its_event(client, database, clock):
    thanks = submit(client, rating="4", comment="Quick\r\nand kind.")
    (answer,) = rows(database, AnswerRow)
    (response,) = rows(database, ResponseRow)
    (waiting,) = rows(database, OutboxRow)
    assert (answer.rating, answer.comment, answer.team) == (4, "Quick\nand kind.", "web_analytics")
    assert answer.answered_at == clock.time
    assert (response.ticket_id, response.distinct_id, response.rating) == ("42", "jane", 4)
    assert unpack_event(waiting.payload)["uuid"] == answer.uuid
    assert "Your answer: Satisfied" in Page(thanks.text).text


def test_sending_the_same_form_twice_is_one_answer(client, database):
    page = Page(client.get(address()).text)
    form = {**page.fields, "rating": "5", "comment": "Thanks!"}
    places = [client.post(page.action, data=form).headers["Location"] for _ in range(2)]
    assert len(rows(database, AnswerRow)) == len(rows(database, OutboxRow)) == 1
    assert all("Your answer: Very satisfied" in Page(client.get(p).text).text for p in places)


def test_going_back_and_choosing_another_face_is_an_edit(client, database, clock):
    page = Page(client.get(address()).text)
    client.post(page.action, data={**page.fields, "rating": "5"})
    clock.advance(seconds=20)
    client.post(page.action, data={**page.fields, "rating": "2"})
    (response,) = rows(database, ResponseRow)
    first, second = (unpack_event(row.payload) for row in rows(database, OutboxRow))
    assert response.rating == 2
    assert response.changed_at > response.answered_at
    assert first["uuid"] != second["uuid"]
    assert (
        first["properties"]["$survey_submission_id"]
        == second["properties"]["$survey_submission_id"]
    )


def test_the_answer_can_be_changed_on_the_thank_you_page(client, database):
    page = Page(submit(client, rating="5", comment="Good & quick").text)
    assert (page.checked, page.fields["comment"]) == ("5", "Good & quick")
    client.post(page.action, data={**page.fields, "rating": "4"})
    (response,) = rows(database, ResponseRow)
    assert (response.rating, response.comment) == (4, "Good & quick")


@on_sqlite
def test_a_database_file_that_was_taken_away_acknowledges_nothing(client, database):
    submit(client, rating="5")
    database.path.unlink()
    database.close()  # as in a process that has only now been started
    assert client.get(address()).status_code == 200
    assert not database.path.exists()
    sent = client.post(address(ticketId="43"), data={"rating": "4", "comment": "kept"})
    assert sent.status_code == 503
    assert Page(sent.text).fields["comment"] == "kept"
    assert not database.path.exists()


def test_a_clock_that_is_set_back_does_not_turn_an_edit_into_the_first_answer(
    client, database, clock
):
    submit(client, rating="5")
    clock.advance(hours=-3)
    submit(client, rating="1")
    (response,) = rows(database, ResponseRow)
    assert response.rating == 1


class TestATicketThatUnverifiedAnswersAloneLeaveOut:
    @pytest.fixture
    def client(self, settings, database, clock):
        without = settings.model_copy(update={"unverified_excluded_from": Month(2026, 10)})
        return create_app(without, database, clock).test_client()

    def test_feeds_no_hedgehog_and_sends_nothing(self, client, database):
        thanks = Page(submit(client, rating="5").text).text
        assert "Your answer: Very satisfied" in thanks
        assert "hedgehog number" not in thanks
        assert rows(database, ResponseRow) == rows(database, OutboxRow) == []

    def test_shows_its_customer_what_any_other_does(self, client, clock):
        submit(client, rating="2", comment="between us")
        page = Page(client.get(address()).text)
        assert (page.checked, "You have already answered" in page.text) == ("2", True)
        changed = Page(submit(client, rating="4").text).text
        assert "Your answer has been changed: Satisfied" in changed
        clock.advance(days=8)
        assert "Your answer stands" in Page(submit(client, address(), rating="1").text).text

    def test_shows_a_stranger_nothing(self, client):
        submit(client, rating="2")
        page = Page(client.get(address(distinct_id="eve")).text)
        assert (page.checked, "already answered" in page.text) == (None, False)


class TestOpeningAnAnsweredLink:
    def test_shows_the_rating_but_not_the_comment(self, client):
        submit(client, rating="2", comment="between us")
        html = client.get(address()).text
        assert Page(html).checked == "2"
        assert "You have already answered: Dissatisfied" in Page(html).text
        assert "between us" not in html

    def test_by_another_face_in_the_mail_shows_what_stands(self, client):
        submit(client, rating="2")
        page = Page(client.get(address(rating="5")).text)
        assert page.checked == "5"
        assert "You have already answered: Dissatisfied" in page.text

    def test_says_after_the_edit_window_that_the_answer_stands(self, client, database, clock):
        submit(client, rating="2")
        clock.advance(days=7)
        assert Page(client.get(address()).text).radios
        clock.advance(microseconds=1)
        page = Page(client.get(address()).text)
        assert not page.radios
        assert "Dissatisfied" in page.text

    def test_a_change_after_the_edit_window_is_kept_and_changes_nothing(
        self, client, database, clock
    ):
        page = Page(client.get(address()).text)
        client.post(page.action, data={**page.fields, "rating": "2"})
        clock.advance(days=8)
        sent = client.post(page.action, data={**page.fields, "rating": "5"})
        assert "Your answer stands as it was: Dissatisfied" in client.get(sent.location).text
        assert [row.rating for row in rows(database, AnswerRow)] == [2, 5]
        assert rows(database, ResponseRow)[0].rating == 2
        assert len(rows(database, OutboxRow)) == 1


class TestAStranger:
    """Ticket numbers can be guessed."""

    def test_sees_an_empty_form(self, client):
        submit(client, rating="2", comment="between us")
        page = Page(client.get(address(distinct_id="eve")).text)
        assert page.checked is None
        assert "answered" not in page.text

    def test_changes_nothing_and_sees_only_what_they_sent(self, client, database):
        submit(client, rating="2", comment="between us")
        thanks = submit(client, address(distinct_id="eve"), rating="5", comment="mine")
        assert "Your answer: Very satisfied" in Page(thanks.text).text
        assert "between us" not in thanks.text
        (response,) = rows(database, ResponseRow)
        assert (response.rating, response.distinct_id) == (2, "jane")
        assert len(rows(database, OutboxRow)) == 1

    @pytest.mark.parametrize("distinct_id", ["", "ticket:42"])
    def test_without_a_name_sees_nothing_of_an_anonymous_answer(self, client, distinct_id):
        submit(client, address(distinct_id=""), rating="2")
        assert Page(client.get(address(distinct_id=distinct_id)).text).checked is None

    def test_without_a_name_learns_nothing_by_answering_too_late(self, client, clock):
        submit(client, address(distinct_id=""), rating="2", comment="between us")
        page = Page(client.get(address(distinct_id="")).text)
        clock.advance(days=8)
        sent = client.post(page.action, data={**page.fields, "rating": "5"})
        html = client.get(sent.location).text
        assert "between us" not in html
        assert "Dissatisfied" not in Page(html).text.partition("Change your answer")[0]

    def test_cannot_use_somebody_elses_receipt(self, client):
        page = Page(client.get(address()).text)
        sent = client.post(page.action, data={**page.fields, "rating": "2", "comment": "mine"})
        receipt = sent.location.split("answer=")[1]
        html = client.get(f"/thanks?distinct_id=eve&ticketId=42&answer={receipt}").text
        assert "Dissatisfied" not in html
        assert "mine" not in html


def test_a_receipt_is_good_for_ten_minutes(client, monkeypatch):
    page = Page(client.get(address()).text)
    sent = client.post(page.action, data={**page.fields, "rating": "2", "comment": "mine"})
    monkeypatch.setattr("survey.site.receipt.VALID_FOR_SECONDS", -1)
    thanks = client.get(sent.location)
    assert thanks.status_code == 200
    assert "mine" not in thanks.text
    assert "Dissatisfied" not in thanks.text


def test_a_signed_answer_takes_over_a_strangers(settings, database):
    settings = make_settings(link_secret="s")
    client = create_app(settings, database).test_client()
    submit(client, address(distinct_id="eve"), rating="1")
    signature = sign_link(parse_link(LINK), "s")
    submit(client, address(sig=signature), rating="5")
    (response,) = rows(database, ResponseRow)
    assert (response.distinct_id, response.rating, response.link_trust) == ("jane", 5, "signed")
    submissions = {
        unpack_event(row.payload)["properties"]["$survey_submission_id"]
        for row in rows(database, OutboxRow)
    }
    assert len(submissions) == 1


def test_a_person_who_comes_back_signed_and_too_late_gets_the_ticket_but_no_change(database, clock):
    client = create_app(make_settings(link_secret="s"), database, clock).test_client()
    submit(client, address(distinct_id="eve"), rating="1")
    submit(client, rating="4")
    clock.advance(days=8)
    thanks = submit(client, address(sig=sign_link(parse_link(LINK), "s")), rating="2")
    assert "Your answer stands as it was: Satisfied" in Page(thanks.text).text
    (response,) = rows(database, ResponseRow)
    assert (response.distinct_id, response.rating) == ("jane", 4)
    sent = [unpack_event(row.payload)["properties"] for row in rows(database, OutboxRow)]
    assert [(event["userId"], event["rating"]) for event in sent] == [
        ("eve", 1),
        ("jane", 4),
        ("jane", 2),
    ]


def test_test_answers_are_kept_but_make_no_response_and_no_event(database):
    client = create_app(make_settings(test_distinct_ids="jane"), database).test_client()
    thanks = submit(client, rating="5")
    assert "Your answer: Very satisfied" in Page(thanks.text).text
    assert len(rows(database, AnswerRow)) == 1
    assert not rows(database, ResponseRow)
    assert not rows(database, OutboxRow)


def test_without_a_distinct_id_the_event_is_personless(client, database):
    submit(client, address(distinct_id=" "), rating="5")
    event = unpack_event(rows(database, OutboxRow)[0].payload)
    assert event["distinct_id"] == "ticket:42"
    assert event["properties"]["$process_person_profile"] is False
    assert event["properties"]["userId"] is None


@on_sqlite
def test_a_file_that_was_restored_under_its_name_is_the_one_that_is_used(client, database):
    submit(client, rating="5")
    copy = database.path.with_name("copy.db")
    with sqlite3.connect(database.path) as source, sqlite3.connect(copy) as target:
        source.backup(target)
    submit(client, address(ticketId="43"), rating="4")
    for name in ("csat.db", "csat.db-wal", "csat.db-shm"):
        database.path.with_name(name).unlink(missing_ok=True)
    copy.rename(database.path)
    submit(client, address(ticketId="44"), rating="3")
    with database.reading() as connection:
        assert sorted(connection.scalars(select(ResponseRow.ticket_id))) == ["42", "44"]
