"""The comments of one ticket are removed; who gave them, and what counts, stays."""

import json

import pytest
from sqlalchemy import update

from survey.erasing.person import erase_person
from survey.erasing.redaction import redact_ticket
from survey.store.models import AnswerRow, OutboxRow, RedactionRow, ResponseRow
from tests.support.erasing import answer
from tests.support.rows import rows


@pytest.fixture
def answered(database, settings, clock):
    answer(database, settings, "T1", clock(), person="jane", rating=1, comment="Card 4242.")
    clock.advance(hours=1)
    answer(database, settings, "T1", clock(), person="joe", rating=5, comment="By joe.")
    answer(database, settings, "T2", clock(), person="jane", rating=2, comment="Another.")
    with database.writing() as connection:
        connection.execute(update(OutboxRow).values(error_message="no: Card 4242."))
    clock.advance(hours=1)
    return database


def test_the_words_of_all_answers_to_the_ticket_go(answered, settings, clock):
    redacted = redact_ticket(answered, settings, "T1", clock())
    assert redacted.at_posthog == 0
    answers = {(row.ticket_id, row.distinct_id, row.comment) for row in rows(answered, AnswerRow)}
    assert answers == {("T1", "jane", None), ("T1", "joe", None), ("T2", "jane", "Another.")}
    responses = {row.ticket_id: (row.rating, row.comment) for row in rows(answered, ResponseRow)}
    assert responses == {"T1": (1, None), "T2": (2, "Another.")}
    events = {row.ticket_id: row for row in rows(answered, OutboxRow)}
    event = json.loads(events["T1"].payload)
    assert event["distinct_id"] == event["properties"]["userId"] == "jane"
    assert event["properties"]["$survey_response_1"] == ""
    assert {row.error_message for row in rows(answered, OutboxRow)} == {None}
    assert "Another." in events["T2"].payload


def test_it_says_what_posthog_has(answered, settings, clock):
    with answered.writing() as connection:
        connection.execute(update(OutboxRow).values(delivered_at=clock()))
    assert redact_ticket(answered, settings, "T1", clock()).at_posthog == 1


def test_what_comes_later_has_words_until_it_is_done_again(answered, settings, clock):
    redact_ticket(answered, settings, "T1", clock())
    clock.advance(hours=1)
    answer(answered, settings, "T1", clock(), person="jane", rating=3, comment="Better.")
    (response, _) = rows(answered, ResponseRow)
    assert response.comment == "Better."
    clock.advance(hours=1)
    assert redact_ticket(answered, settings, "T1", clock()).counts
    assert rows(answered, ResponseRow)[0].comment is None
    assert len(rows(answered, RedactionRow)) == 1
    assert not redact_ticket(answered, settings, "T1", clock()).counts


def test_a_person_whose_words_are_gone_can_still_be_erased(answered, settings, clock):
    redact_ticket(answered, settings, "T1", clock())
    erase_person(answered, settings, "jane", "Ada", clock())
    assert {row.distinct_id for row in rows(answered, AnswerRow) if row.distinct_id != "joe"} == {
        rows(answered, AnswerRow)[0].distinct_id
    }
    assert rows(answered, AnswerRow)[0].distinct_id.startswith("erased:")
