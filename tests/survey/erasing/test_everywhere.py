"""A person who has come by every door is erased: nothing of them is in any byte of the store."""

import json

import pytest

from survey.counting_rules import CountingRules
from survey.erasing.person import count_person, erase_person
from survey.erasing.target import Kind
from survey.event_values import PropertyKeys, read_answer
from survey.link_proofs import verify_proof
from survey.pseudonyms import make_pseudonym
from survey.store.erasing import TABLES
from survey.store.models import (
    AnswerCopyRow,
    AnswerRow,
    AuditRow,
    ErasureRow,
    InvitationRow,
    MarkRow,
    OutboxRow,
    ResponseRow,
    TicketRow,
    VoidChangeRow,
)
from survey.store.responses import answers_of, find_response
from tests.support.clock import Clock
from tests.support.erasing import PERSON, bring_events, dump, find_marks, leave_traces, settings_of
from tests.support.rows import rows
from tests.support.settings import SECRET_KEY

PSEUDONYM = make_pseudonym(PERSON, SECRET_KEY)


@pytest.fixture
def settings(database_url):
    return settings_of(database_url)


@pytest.fixture
def traces(database, settings, clock):
    leave_traces(database, settings, clock())
    clock.advance(hours=3)
    return database


@pytest.fixture
def erased(traces, settings, clock):
    found = erase_person(traces, settings, PERSON, "Ada", clock())
    traces.clean(TABLES)
    return found


def test_there_were_traces_in_every_table_that_can_hold_them(traces, settings, clock):
    counts = count_person(traces, settings, PERSON, clock())
    assert set(counts) == set(Kind)
    assert find_marks(traces)


@pytest.mark.usefixtures("erased")
def test_no_byte_of_the_person_is_left(traces, settings, clock):
    assert find_marks(traces) == set()
    assert count_person(traces, settings, PERSON, clock()) == {}
    # Those of others are.
    assert any(b"By joe." in content for content in dump(traces).values())


def test_what_counts_is_left_under_the_pseudonym(erased, traces):
    assert erased.pseudonym == PSEUDONYM
    assert erased.tickets == ["T1", "T2", "T3", "T4", "T6"]
    with traces.reading() as connection:
        response = find_response(connection, "T2")
        assert (response.distinct_id, response.rating, response.comment) == (PSEUDONYM, 2, None)
        by_device = find_response(connection, "T5")
        assert (by_device.distinct_id, by_device.comment) == ("a device", None)
        assert [answer.rating for answer in answers_of(connection, "T2")] == [1, 5, 2]
    imported = next(row for row in rows(traces, AnswerRow) if row.uuid == "e1")
    assert json.loads(imported.properties) == {
        "$survey_response": "4",
        "team": "surveys",
        "ticketId": "T4",
    }
    assert len({row.fingerprint for row in rows(traces, AnswerCopyRow)}) == 2


@pytest.mark.usefixtures("erased")
def test_events_keep_their_uuid_and_time_and_prove_their_trust_anew(traces, settings):
    events = [
        json.loads(row.payload)
        for row in rows(traces, OutboxRow)
        if row.answer_uuid and row.ticket_id == "T1"
    ]
    (event,) = events
    properties = event["properties"]
    assert event["distinct_id"] == PSEUDONYM
    assert (properties["userId"], properties["$process_person_profile"]) == (None, False)
    assert [each["response"] for each in properties["$survey_questions"]] == ["1", ""]
    keys = PropertyKeys.of(CountingRules.of(settings))
    read = read_answer(event["uuid"], event["distinct_id"], None, properties, keys)
    assert (read.rating, read.comment) == (1, None)
    assert verify_proof(
        properties["link_proof"],
        uuid=event["uuid"],
        ticket_id="T1",
        distinct_id=PSEUDONYM,
        rating=1,
        trust=read.trust,
        secrets=[SECRET_KEY],
    )


@pytest.mark.usefixtures("erased")
def test_nobody_is_asked_any_more_and_the_ticket_names_nobody(traces):
    tickets = {row.ticket_id: row for row in rows(traces, TicketRow)}
    for ticket_id in ("T1", "T6"):
        ticket = tickets[ticket_id]
        assert ticket.requester_external_id == PSEUDONYM
        assert (ticket.requester_email, ticket.customer) == (None, None)
    assert tickets["T7"].requester_external_id == "joe"
    outcomes = {row.ticket_id: (row.outcome, row.customer) for row in rows(traces, InvitationRow)}
    assert outcomes["T1"] == ("no_address", None)
    assert outcomes["T7"][0] == "queued"
    assert [r.ticket_id for r in rows(traces, OutboxRow) if r.channel == "invitation"] == ["T7"]


@pytest.mark.usefixtures("erased")
def test_what_others_wrote_stays_without_the_name(traces):
    assert {row.reason for row in rows(traces, VoidChangeRow)} == {"(erased)"}
    assert [row.words for row in rows(traces, MarkRow)] == ["Call with (erased)"]
    assert [row.target for row in rows(traces, AuditRow)] == ["2026-10-14 (erased)"]


@pytest.mark.usefixtures("erased")
def test_an_import_of_the_same_events_changes_nothing(traces, settings):
    before = [rows(traces, table) for table in (AnswerRow, AnswerCopyRow, ResponseRow)]
    run = bring_events(traces, settings, Clock()())
    assert (run.received, run.known) == (5, 5)
    assert before == [rows(traces, table) for table in (AnswerRow, AnswerCopyRow, ResponseRow)]
    traces.clean(TABLES)
    assert find_marks(traces) == set()


def test_the_proof_holds_no_identity_and_adds_up(erased, traces, settings, clock):
    (proof,) = rows(traces, ErasureRow)
    assert (proof.pseudonym, proof.confirmed_by) == (PSEUDONYM, "Ada")
    assert json.loads(proof.counts) == {**erased.counts}
    again = erase_person(traces, settings, PERSON, "Bob", clock())
    assert again.counts == {}
    (same,) = rows(traces, ErasureRow)
    assert (same.counts, same.confirmed_by) == (proof.counts, "Bob")


def test_responses_are_as_many_as_before(traces, settings, clock):
    def state():
        columns = ("ticket_id", "rating", "team", "answered_at", "submission_id", "link_trust")
        return [tuple(getattr(row, name) for name in columns) for row in rows(traces, ResponseRow)]

    before = state()
    erase_person(traces, settings, PERSON, "Ada", clock())
    assert state() == before
