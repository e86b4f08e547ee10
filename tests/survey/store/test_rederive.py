"""Changed settings: the responses follow, at the next start."""

from survey.site.app import create_app
from survey.store.rederive import apply_rules
from survey.store.responses import find_response, void_ticket
from tests.support.pages import Page, address
from tests.support.settings import make_settings


def answer(client, rating, **link):
    assert client.post(address(**link), data={"rating": rating}).status_code == 303


def ratings(database, *tickets):
    with database.reading() as connection:
        responses = [find_response(connection, ticket) for ticket in tickets]
    return [response and response.rating for response in responses]


def test_a_person_who_becomes_a_tester_leaves_the_responses(client, database, clock):
    answer(client, "4")
    answer(client, "2", distinct_id="joe")
    answer(client, "5", ticketId="43")
    apply_rules(database, make_settings(test_distinct_ids="jane"))
    assert ratings(database, "42", "43") == [2, None]
    restarted = create_app(make_settings(test_distinct_ids="jane"), database, clock).test_client()
    clock.advance(minutes=1)
    sent = restarted.post(address(ticketId="44", distinct_id="ann"), data={"rating": "3"})
    text = Page(restarted.get(sent.location).text).text
    assert "hedgehog number 2 of this month" in text


def test_another_edit_window_lets_changes_in_or_out(client, database, clock):
    answer(client, "5")
    clock.advance(hours=30)
    answer(client, "1")
    apply_rules(database, make_settings(edit_window="1d"))
    assert ratings(database, "42") == [5]
    apply_rules(database, make_settings(edit_window="2d"))
    assert ratings(database, "42") == [1]


def test_a_void_ticket_stays_void(client, database, clock):
    answer(client, "5")
    with database.writing() as connection:
        void_ticket(connection, "42", "by the agent", clock())
    apply_rules(database, make_settings(edit_window="1d"))
    assert ratings(database, "42") == [None]


def test_a_response_keeps_its_submission_id(client, database):
    answer(client, "5")
    with database.reading() as connection:
        before = find_response(connection, "42").submission_id
    apply_rules(database, make_settings(edit_window="1d"))
    with database.reading() as connection:
        assert find_response(connection, "42").submission_id == before
