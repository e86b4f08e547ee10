"""An erased person at PostHog: asked for once, followed until done, and what remains is said."""

import json
from datetime import timedelta

import pytest

from demo.behaviour import accept_then_reset, hang
from demo.behaviour import answer as answering
from survey.errors import CsatError
from survey.posthog import client as client_module
from survey.posthog import deletion
from survey.posthog.deletion import (
    LATE,
    PersonNotDeleted,
    request_deletion,
)
from survey.posthog.jobs import follow_deletions_due
from survey.store.models import ErasureRow, OutboxRow
from survey.store.outbox import LONGEST_HOLD, claim
from survey.store.tickets import save_updates
from survey.vocabulary import TicketStatus
from survey.zendesk.tickets import TicketUpdate
from tests.conftest import on_sqlite
from tests.support.erased import erase_person
from tests.support.rows import rows
from tests.support.settings import make_settings

JANE = "jane@example.com"


@pytest.fixture
def erase(database, settings, clock, passing):
    """Erase a person here, and ask PostHog; what is told."""

    def erase(distinct_id=JANE, settings=settings):
        pseudonym = erase_person(database, distinct_id, clock())
        return ask(pseudonym, distinct_id, settings)

    def ask(pseudonym, distinct_id=JANE, settings=settings):
        return request_deletion(
            database, settings, distinct_id, pseudonym, clock(), sleep=passing.sleep
        )

    erase.again = ask
    return erase


@pytest.fixture
def follow(database, settings, clock):
    def follow(settings=settings):
        return follow_deletions_due(database, settings, clock())

    return follow


@pytest.fixture
def proof(database):
    """What is kept of the only erasure."""

    def proof():
        (row,) = rows(database, ErasureRow)
        return row

    return proof


def test_a_person_goes_with_all_events_and_the_ids_are_forgotten(
    posthog, answer, deliver, erase, follow, proof, clock
):
    answer(JANE)
    answer("tom", "43")
    deliver()
    (told,) = erase()
    assert told.startswith("PostHog was asked to delete the person")
    assert "days later" in told
    row = proof()
    assert row.requested_at == clock()
    assert len(json.loads(row.person_uuids)) == 1
    assert follow() == "erasures at PostHog: 0 done, 1 not yet"
    clock.advance(minutes=59)
    assert follow() is None
    clock.advance(days=3)
    posthog.persons.delete_events()
    assert follow() == "erasures at PostHog: 1 done, 0 not yet"
    row = proof()
    assert (row.person_uuids, row.deleted_at) == (None, clock())
    assert [event["distinct_id"] for event in posthog.events] == ["tom"]
    assert JANE not in repr(tuple(row))
    clock.advance(days=1)
    assert follow() is None


@on_sqlite
def test_asking_again_changes_nothing(posthog, answer, deliver, erase, follow, proof, clock):
    answer(JANE)
    deliver()
    erase()
    before = proof()
    clock.advance(hours=2)
    (told,) = erase.again(before.pseudonym)
    assert "PostHog was asked on 2026-10-14" in told
    assert "off-peak" in told
    assert proof() == before
    posthog.persons.delete_events()
    follow()
    (told,) = erase.again(before.pseudonym)
    assert "its events are deleted" in told


@on_sqlite
@pytest.mark.parametrize("missing", ["posthog_project_id", "posthog_personal_key"])
def test_without_a_key_it_says_what_remains_and_what_to_do(
    posthog, answer, erase, settings, missing
):
    answer(JANE)
    bare = settings.model_copy(update={missing: None})
    with pytest.raises(PersonNotDeleted) as raised:
        erase(settings=bare)
    assert str(raised.value).startswith("remains: the person and their events at PostHog.")
    assert f"CSAT_{missing.upper()} is not set" in str(raised.value)
    assert "by hand" in str(raised.value)
    assert posthog.persons.asked == []


@on_sqlite
@pytest.mark.parametrize(
    ("scopes", "words"),
    [({"person:read"}, "person:write"), ({"query:read"}, "person:read"), (None, "personal API")],
)
def test_a_wrong_key_remains_to_be_mended(
    posthog, answer, deliver, erase, proof, follow, scopes, words
):
    answer(JANE)
    deliver()
    good = posthog.access.scopes
    posthog.access.scopes = {"phx_standin": scopes} if scopes else {}
    with pytest.raises(PersonNotDeleted, match=words):
        erase()
    posthog.access.scopes = good
    erase.again(proof().pseudonym)
    posthog.persons.delete_events()
    assert follow() == "erasures at PostHog: 1 done, 0 not yet"


@on_sqlite
def test_what_was_broken_off_before_posthog_answered_goes_on_by_itself(
    posthog, answer, deliver, erase, follow, proof, clock
):
    """As after kill −9 between finding the person and asking."""
    answer(JANE)
    deliver()
    good = posthog.access.scopes
    posthog.access.scopes = {"phx_standin": {"person:read"}}
    with pytest.raises(PersonNotDeleted):
        erase()
    assert (proof().requested_at, proof().person_uuids is None) == (None, False)
    posthog.access.scopes = good
    assert follow() == "erasures at PostHog: 0 done, 1 not yet"
    assert proof().requested_at == clock()
    posthog.persons.delete_events()
    clock.advance(hours=1)
    assert follow() == "erasures at PostHog: 1 done, 0 not yet"


@on_sqlite
@pytest.mark.parametrize("is_followed", [True, False])
def test_a_deletion_that_was_killed_before_it_was_noted_does_no_harm(
    posthog, answer, deliver, erase, follow, proof, clock, is_followed, monkeypatch
):
    answer(JANE)
    deliver()

    def kill(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(deletion, "mark_requested", kill)
        erase()
    assert proof().requested_at is None
    # PostHog does not know the person any more.
    told = follow() if is_followed else erase.again(proof().pseudonym)
    assert told
    assert proof().requested_at == clock()
    posthog.persons.delete_events()
    clock.advance(hours=1)
    assert follow() == "erasures at PostHog: 1 done, 0 not yet"


@on_sqlite
@pytest.mark.parametrize("failure", [accept_then_reset(), hang()], ids=["reset", "hang"])
def test_a_request_whose_answer_never_came_does_no_harm(
    posthog, answer, deliver, erase, follow, clock, failure, monkeypatch
):
    monkeypatch.setattr(client_module, "DEADLINE_SECONDS", 0.3)
    answer(JANE)
    deliver()
    found = posthog.persons.respond

    def fail_on_deletion(method, *given):
        if method == "POST":
            posthog.persons.behave(failure, 1)
        return found(method, *given)

    monkeypatch.setattr(posthog.persons, "respond", fail_on_deletion)
    with pytest.raises(PersonNotDeleted, match="cannot be reached"):
        erase()
    monkeypatch.undo()
    posthog.release()
    follow()
    posthog.persons.delete_events()
    clock.advance(hours=1)
    assert follow() == "erasures at PostHog: 1 done, 0 not yet"
    assert posthog.events == []


@on_sqlite
def test_events_without_a_person_remain_and_it_is_said(answer, erase):
    answer(JANE)
    told = erase()
    assert told[0].startswith("remains: PostHog has no person for this distinct_id")
    assert "events without a person cannot be deleted by its API" in told[0]


@on_sqlite
def test_somebody_who_never_answered_leaves_nothing_at_posthog(erase):
    assert erase() == ["PostHog has no person for this distinct_id: nothing was asked of it."]


@on_sqlite
def test_an_answer_after_the_erasure_is_not_forgotten(
    database, answer, deliver, erase, proof, clock
):
    answer(JANE)
    deliver()
    erase()
    clock.advance(days=1)
    answer(JANE, "44")
    deliver()
    with database.writing() as connection:
        connection.exec_driver_sql("UPDATE answers SET distinct_id = ?", (proof().pseudonym,))
    # To PostHog, nobody sent it: the person was deleted.
    (told,) = erase.again(proof().pseudonym)
    assert told.startswith("remains: ")


@on_sqlite
def test_further_distinct_ids_are_told_if_they_stand_here(
    database, posthog, answer, deliver, erase, clock
):
    answer(JANE)
    answer("jané-2", "43")
    for known in ("jané-2", "by \x1b[2Jticket", "cookie"):
        properties = {"$anon_distinct_id": known}
        event = {"event": "$identify", "uuid": known, "distinct_id": JANE}
        posthog.record({"api_key": "x", "batch": [{**event, "properties": properties}]})
    keep_ticket(database, clock, "44", "by \x1b[2Jticket")
    deliver()
    _, told = erase()
    assert told.startswith("remains: PostHog knew this person under further distinct_ids")
    assert "that stand here: by ?[2Jticket, jané-2." in told
    assert "cookie" not in told
    posthog.persons.delete_events()
    assert posthog.events == []
    # It was deleted with the other one, and PostHog does not say so.
    (told,) = erase("jané-2")
    assert "unless it was deleted together with another one" in told


def keep_ticket(database, clock, ticket_id, requester):
    update = TicketUpdate(
        ticket_id=ticket_id,
        status=TicketStatus.SOLVED,
        updated_at=clock(),
        requester_external_id=requester,
        team="surveys",
    )
    with database.writing() as connection:
        save_updates(database, connection, [update], make_settings(), clock())


@on_sqlite
def test_events_under_way_are_waited_for(database, answer, erase, clock, passing):
    answer(JANE)
    erase()
    assert passing.sleeps == []
    answer("tom", "43")
    with database.claiming() as connection:
        assert claim(connection, clock(), timedelta(seconds=20), 100, 10**6)
    erase("tom")
    assert passing.seconds == LONGEST_HOLD.total_seconds()


@on_sqlite
def test_a_long_time_after_the_erasure_nothing_is_under_way(
    database, answer, erase, clock, passing, proof
):
    answer(JANE)
    erase()
    clock.advance(seconds=31)
    answer("tom", "43")
    with database.claiming() as connection:
        claim(connection, clock(), timedelta(seconds=20), 100, 10**6)
    erase.again(proof().pseudonym)
    assert passing.sleeps == []


@on_sqlite
def test_a_deletion_of_earlier_proves_nothing(
    posthog, answer, deliver, erase, follow, proof, clock
):
    """PostHog gives a person who comes back the same uuid."""
    answer(JANE)
    deliver()
    erase()
    uuid = json.loads(proof().person_uuids)[0]
    row = {"person_uuid": uuid, "status": "completed", "delete_verified_at": clock().isoformat()}
    earlier = (clock() - timedelta(days=7)).isoformat()
    posthog.persons.behave(answering(200, {"results": [{**row, "created_at": earlier}]}))
    assert follow() == "erasures at PostHog: 0 done, 1 not yet"
    clock.advance(hours=1)
    later = (clock() - timedelta(minutes=30)).isoformat()
    posthog.persons.behave(answering(200, {"results": [{**row, "created_at": later}]}))
    assert follow() == "erasures at PostHog: 1 done, 0 not yet"


@on_sqlite
def test_one_that_takes_too_long_is_an_error_with_what_to_do(
    answer, deliver, erase, follow, proof, clock
):
    answer(JANE)
    deliver()
    erase()
    clock.advance(seconds=LATE.total_seconds())
    with pytest.raises(CsatError, match=r"1 erased person that .* ask its support") as raised:
        follow()
    assert proof().pseudonym in str(raised.value)
    assert JANE not in str(raised.value)
    assert follow() is None


@on_sqlite
def test_one_that_posthog_refuses_does_not_stop_the_others(
    posthog, answer, deliver, erase, follow, clock
):
    answer(JANE)
    answer("tom", "43")
    deliver()
    erase()
    clock.advance(minutes=1)
    erase("tom")
    posthog.persons.delete_events()
    posthog.persons.behave(answering(400), 1)
    with pytest.raises(CsatError, match="PostHog answered 400"):
        follow()
    clock.advance(hours=1)
    assert follow() == "erasures at PostHog: 1 done, 0 not yet"


@on_sqlite
def test_while_posthog_is_away_one_request_is_enough(posthog, answer, deliver, erase, follow):
    answer(JANE)
    answer("tom", "43")
    deliver()
    erase()
    erase("tom")
    posthog.persons.asked.clear()
    posthog.persons.behave(answering(503))
    with pytest.raises(CsatError, match="PostHog answered 503"):
        follow()
    assert len(posthog.persons.asked) == 1
    assert follow() is None


@on_sqlite
def test_without_erasures_nothing_is_asked_and_no_key_is_needed(database, database_url, clock):
    settings = make_settings(database_url=database_url)
    assert follow_deletions_due(database, settings, clock()) is None
    assert rows(database, OutboxRow) == []
