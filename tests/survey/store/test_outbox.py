"""The outbox table: claimed with a lease, marked, never lost."""

from datetime import timedelta

import pytest
from sqlalchemy import select, text

from survey.store import outbox
from survey.store.database import Database
from survey.store.models import OutboxRow
from tests.conftest import on_postgresql

LEASE = timedelta(seconds=30)


def claim(database, clock, limit=100):
    with database.writing() as connection:
        return outbox.claim(connection, clock(), LEASE, limit, 10**6)


def summary(database, clock):
    with database.reading() as connection:
        return outbox.summarise(connection, clock())


def test_events_are_claimed_in_the_order_of_their_answers(database, clock, fill):
    fill(5)
    claims = claim(database, clock, limit=3)
    assert [claimed.id for claimed in claims] == [1, 2, 3]


def test_nobody_else_gets_what_is_claimed_until_the_lease_ends(database, clock, fill):
    fill(2)
    assert len(claim(database, clock)) == 2
    assert claim(database, clock) == []
    clock.advance(seconds=30)
    assert len(claim(database, clock)) == 2


def test_delivered_events_are_done(database, clock, fill):
    fill(3)
    ids = [claimed.id for claimed in claim(database, clock)]
    with database.writing() as connection:
        outbox.mark_delivered(connection, ids[:2], clock())
    clock.advance(minutes=5)
    assert [claimed.id for claimed in claim(database, clock)] == ids[2:]
    state = summary(database, clock)
    assert (state.waiting, state.delivered, state.dead) == (1, 2, [])


def test_postponed_events_wait_with_their_reason(database, clock, fill):
    fill(1)
    ids = [claimed.id for claimed in claim(database, clock)]
    with database.writing() as connection:
        outbox.postpone(connection, ids, clock() + timedelta(seconds=9), "PostHog answered 503", "")
    clock.advance(seconds=8)
    assert claim(database, clock) == []
    assert summary(database, clock).last_reason == "PostHog answered 503"
    clock.advance(seconds=1)
    assert len(claim(database, clock)) == 1


def test_dead_letters_are_kept_with_the_reason_until_they_are_revived(database, clock, fill):
    fill(2)
    ids = [claimed.id for claimed in claim(database, clock)]
    with database.writing() as connection:
        outbox.dead_letter(connection, ids[:1], clock(), "too large", "1 MB at most")
        outbox.mark_delivered(connection, ids[1:], clock())
    assert claim(database, clock) == []
    assert summary(database, clock).dead == [
        outbox.DeadLetters("too large", 1, ids[:1], ["0"], "1 MB at most")
    ]
    with database.writing() as connection:
        assert outbox.requeue(connection, clock()) == ids[:1]
    assert [claimed.id for claimed in claim(database, clock)] == ids[:1]


def test_the_summary_tells_how_old_the_oldest_waiting_event_is(database, clock, fill):
    assert summary(database, clock).oldest_at is None
    started = clock()
    fill(1)
    clock.advance(minutes=3)
    assert summary(database, clock).oldest_at == started


@pytest.fixture
def other_database(settings):
    other = Database(settings.database_url)
    yield other
    other.close()


def tickets_of(database, claims):
    of_claims = OutboxRow.id.in_([claimed.id for claimed in claims])
    with database.reading() as connection:
        return list(connection.scalars(select(OutboxRow.ticket_id).where(of_claims)))


def test_an_edit_is_left_until_what_it_edits_is_delivered(database, clock, fill):
    fill(3)
    first = claim(database, clock, limit=1)
    fill(1, submit_id="edit")
    assert tickets_of(database, claim(database, clock)) == ["1", "2"]
    assert claim(database, clock) == []
    with database.writing() as connection:
        outbox.mark_delivered(connection, [first[0].id], clock())
    assert tickets_of(database, claim(database, clock)) == ["0"]


@on_postgresql
def test_workers_do_not_wait_for_each_other_and_take_no_row_twice(
    database, other_database, clock, fill
):
    fill(4)
    fill(1, submit_id="edit")
    with database.writing() as one:
        first = outbox.claim(one, clock(), LEASE, 2, 10**6)
        with other_database.writing() as two:
            second = outbox.claim(two, clock(), LEASE, 100, 10**6)
    assert tickets_of(database, first) == ["0", "1"]
    assert tickets_of(database, second) == ["2", "3"]  # not the edit of 0


def test_what_was_put_off_stands_behind_what_was_not(database, clock, fill):
    fill(1)
    ids = [claimed.id for claimed in claim(database, clock)]
    with database.writing() as connection:
        outbox.postpone(connection, ids, clock() + timedelta(seconds=2), "PostHog answered 500", "")
    clock.advance(seconds=1)
    fill(3)
    clock.advance(seconds=1)
    assert tickets_of(database, claim(database, clock, limit=2)) == ["1", "2"]


def test_a_claim_made_before_the_clock_was_set_back_does_not_last_for_ever(database, clock, fill):
    fill(1)
    assert len(claim(database, clock)) == 1
    clock.advance(hours=-1)
    assert len(claim(database, clock)) == 1


def test_waiting_events_are_found_by_their_index_whatever_the_table_holds(database):
    first = (
        "SELECT id FROM outbox WHERE delivered_at IS NULL AND dead_at IS NULL "
        "ORDER BY available_at, id LIMIT 1"
    )
    with database.claiming() as connection:
        explain = "EXPLAIN QUERY PLAN" if database.is_sqlite else "EXPLAIN"
        plan = " ".join(str(row) for row in connection.execute(text(f"{explain} {first}")))
    assert "ix_outbox_waiting" in plan
    assert "sort" not in plan.lower()
