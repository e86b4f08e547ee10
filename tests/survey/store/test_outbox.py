"""The outbox table: claimed with a lease, marked, never lost."""

from datetime import timedelta

import pytest

from survey.events import Questions
from survey.links import parse_link
from survey.receive import Submission, receive
from survey.store import outbox
from survey.store.vocabulary import Trust

LEASE = timedelta(seconds=30)


@pytest.fixture
def fill(database, settings, clock):
    """Put one event per ticket into the outbox, through the front door."""

    def fill(how_many: int) -> None:
        for ticket in range(how_many):
            link = parse_link({"ticketId": str(ticket), "distinct_id": "jane"})
            submission = Submission(link, Trust.UNVERIFIED, 5, None, "s", Questions("How?"))
            receive(database, settings, submission, clock())

    return fill


def claim(database, clock, limit=100):
    with database.writing() as connection:
        return outbox.claim(connection, clock(), limit, LEASE)


def summary(database):
    with database.reading() as connection:
        return outbox.summarise(connection)


def test_events_are_claimed_in_the_order_of_their_answers(database, clock, fill):
    fill(5)
    claims = claim(database, clock, limit=3)
    assert [claimed.id for claimed in claims] == [1, 2, 3]
    assert [claimed.attempts for claimed in claims] == [1, 1, 1]


def test_nobody_else_gets_what_is_claimed_until_the_lease_ends(database, clock, fill):
    fill(2)
    assert len(claim(database, clock)) == 2
    assert claim(database, clock) == []
    clock.advance(seconds=30)
    again = claim(database, clock)
    assert [claimed.attempts for claimed in again] == [2, 2]


def test_delivered_events_are_done(database, clock, fill):
    fill(3)
    ids = [claimed.id for claimed in claim(database, clock)]
    with database.writing() as connection:
        outbox.mark_delivered(connection, ids[:2], clock())
    clock.advance(minutes=5)
    assert [claimed.id for claimed in claim(database, clock)] == ids[2:]
    state = summary(database)
    assert (state.waiting, state.delivered, state.dead) == (1, 2, {})


def test_postponed_events_wait_with_their_reason(database, clock, fill):
    fill(1)
    ids = [claimed.id for claimed in claim(database, clock)]
    with database.writing() as connection:
        outbox.postpone(connection, ids, clock() + timedelta(seconds=9), "PostHog answered 503")
    clock.advance(seconds=8)
    assert claim(database, clock) == []
    assert summary(database).last_error == "PostHog answered 503"
    clock.advance(seconds=1)
    assert len(claim(database, clock)) == 1


def test_dead_letters_are_kept_with_the_reason_until_they_are_revived(database, clock, fill):
    fill(2)
    ids = [claimed.id for claimed in claim(database, clock)]
    with database.writing() as connection:
        outbox.bury(connection, ids[:1], clock(), "too large")
        outbox.mark_delivered(connection, ids[1:], clock())
    assert claim(database, clock) == []
    assert summary(database).dead == {"too large": 1}
    with database.writing() as connection:
        assert outbox.revive(connection, clock()) == 1
    assert [claimed.id for claimed in claim(database, clock)] == ids[:1]


def test_the_summary_tells_how_old_the_oldest_waiting_event_is(database, clock, fill):
    assert summary(database).oldest_at is None
    started = clock()
    fill(1)
    clock.advance(minutes=3)
    assert summary(database).oldest_at == started
