"""A person who was erased opens the old link again, and counts as the same person."""

import pytest

from survey.counting_rules import CountingRules
from survey.erasing.person import erase_person
from survey.store.counting import count_outcomes
from survey.store.models import AnswerRow, OutboxRow, ResponseRow
from survey.vocabulary import Outcome
from survey.voiding import unvoid, void
from tests.support.clock import Clock
from tests.support.help_desk import Invitations, ticket_update
from tests.support.pages import Page, address
from tests.support.rows import rows


def send(client, rating, comment="", **link):
    sent = client.post(address(**link), data={"rating": rating, "comment": comment})
    assert sent.status_code == 303
    return sent.location


def outcomes(database, settings, clock):
    first = Clock()()
    with database.reading() as connection:
        found = count_outcomes(connection, first, clock(), CountingRules.of(settings))
    return {outcome: number for outcome, number in found.items() if number}


@pytest.fixture
def erased(client, database, settings, clock):
    """Jane has answered, a stranger has, too, and Jane was erased."""
    thanks = send(client, "2", "Too slow.")
    clock.advance(hours=1)
    send(client, "5", "Fast.", distinct_id="joe")
    clock.advance(hours=1)
    erase_person(database, settings, "jane", "Ada", clock())
    clock.advance(minutes=5)
    return thanks


@pytest.mark.usefixtures("erased")
def test_the_page_shows_the_rating_and_not_the_words(client):
    page = Page(client.get(address()).text)
    assert page.checked == "2"
    assert "Too slow." not in page.html


@pytest.mark.usefixtures("erased")
def test_an_answer_through_the_old_link_changes_the_response(client, database, settings, clock):
    thanks = Page(client.get(send(client, "4", "Better.")).text)
    assert "changed" in thanks.text.lower()
    clock.advance(days=9)
    send(client, "1")
    (response,) = rows(database, ResponseRow)
    assert (response.rating, response.comment) == (4, "Better.")
    assert response.distinct_id.startswith("erased:")
    clock.advance(seconds=1)
    assert outcomes(database, settings, clock) == {
        Outcome.RESPONSE: 1,
        Outcome.EDIT: 1,
        Outcome.OTHER_PERSON: 1,
        Outcome.LATE_CHANGE: 1,
    }


@pytest.mark.usefixtures("erased")
def test_a_stranger_stays_a_stranger(client):
    page = Page(client.get(address(distinct_id="joe")).text)
    assert page.checked is None


def test_the_thanks_of_a_moment_ago_still_open(client, database, settings, clock):
    thanks = send(client, "3", "Well.")
    clock.advance(minutes=1)
    erase_person(database, settings, "jane", "Ada", clock())
    assert Page(client.get(thanks).text).checked == "3"


@pytest.mark.usefixtures("erased")
def test_erased_once_more_only_what_came_since_goes(client, database, settings, clock):
    send(client, "4", "Better.")
    again = erase_person(database, settings, "jane", "Ada", clock())
    assert again.counts == {"answers": 1, "responses": 1, "events": 1}
    answers = [row for row in rows(database, AnswerRow) if row.distinct_id != "joe"]
    assert {(row.distinct_id, row.comment) for row in answers} == {(again.pseudonym, None)}
    assert not [row for row in rows(database, OutboxRow) if "jane" in row.payload]


def test_an_answer_that_was_left_out_is_sent_later_without_identity(client, database, settings):
    """A stranger's answer is sent when the ticket becomes theirs: without what was erased."""
    clock = Clock()
    send(client, "2", "Too slow.")
    void(database, settings, "42", "spam", clock())
    clock.advance(hours=1)
    send(client, "1", "Really.")
    erase_person(database, settings, "jane", "Ada", clock())
    unvoid(database, settings, "42", "no spam", clock())
    assert len(rows(database, OutboxRow)) == 2
    for row in rows(database, OutboxRow):
        assert "jane" not in row.payload
        assert "Really" not in row.payload
        assert '"userId": null' in row.payload or '"userId":null' in row.payload


class TestTheHelpDeskTellsOfThePerson:
    @pytest.fixture
    def desk(self, database, settings, clock):
        desk = Invitations(database, settings, clock)
        desk.tell(ticket_update(created_at=clock(), updated_at=clock()))
        clock.advance(hours=1)
        erase_person(database, settings, "jane", "Ada", clock())
        clock.advance(hours=1)
        return desk

    def test_an_earlier_ticket_names_nobody_again(self, desk, clock):
        before = desk.ticket()
        assert before.requester_external_id.startswith("erased:")
        desk.tell(ticket_update(updated_at=clock()))
        after = desk.ticket()
        assert after.updated_at == clock()
        assert after.requester_external_id == before.requester_external_id
        assert (after.requester_email, after.customer) == (None, None)

    def test_an_earlier_ticket_of_which_nobody_had_heard_does_not_either(self, desk, clock):
        created_at = clock.time.replace(year=2025)
        desk.tell(ticket_update("2", created_at=created_at, updated_at=clock()))
        assert desk.ticket("2").requester_external_id.startswith("erased:")
        assert desk.ticket("2").requester_email is None

    def test_a_later_ticket_is_an_ordinary_one(self, desk, clock):
        times = {"created_at": clock(), "updated_at": clock(), "solved_at": clock()}
        desk.tell(ticket_update("2", **times))
        assert desk.ticket("2").requester_external_id == "jane"
        assert desk.ticket("2").customer is not None

    def test_the_old_link_is_still_that_of_the_requester(self, desk, client, database):
        send(client, "5", ticketId="1")
        (answer,) = rows(database, AnswerRow)
        assert answer.link_trust == "known"
