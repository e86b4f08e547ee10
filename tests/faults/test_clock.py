"""The clock is set back: nothing stalls, and the latest answer stays the latest."""

import threading
from datetime import timedelta

import pytest

from demo.behaviour import answer
from survey.delivery.sender import PostHogSender
from survey.delivery.worker import LEASE, Worker
from survey.store import outbox
from tests.support.customers import Answer
from tests.support.receiving import take
from tests.support.reckoning import assert_nothing_is_lost

HOUR = timedelta(hours=1)

FIRST = Answer("42", 1, "first", "a")
EDIT = Answer("42", 5, "second", "b")
OTHER = Answer("43", 3, "other", "c")


@pytest.fixture
def worker(database, posthog, clock):
    sender = PostHogSender(posthog.url, "phc_test")
    yield Worker(database, sender, clock, threading.Event(), timedelta(days=7))
    sender.close()


def claim_all(database, clock):
    """What a worker does before it dies, or while it takes its time."""
    with database.writing() as connection:
        return outbox.claim(connection, clock(), LEASE, 100, 1_000_000)


def test_answers_after_the_step_come_after_those_before_it(
    database, database_url, settings, posthog, clock, worker
):
    take(database, settings, [FIRST, OTHER], clock())
    clock.time -= HOUR
    take(database, settings, [EDIT], clock())
    assert worker.drain()
    assert_nothing_is_lost([FIRST, OTHER, EDIT], database_url, posthog)
    first, edit = (e for e in posthog.submissions() if e["properties"]["ticketId"] == "42")
    assert first["timestamp"] < edit["timestamp"]


def test_an_event_that_was_stored_before_the_step_goes_out_after_it(
    database, database_url, settings, posthog, clock, worker
):
    take(database, settings, [FIRST], clock())
    clock.time -= HOUR
    assert worker.drain()
    assert_nothing_is_lost([FIRST], database_url, posthog)


def test_what_a_dead_worker_held_before_the_step_is_taken_up_at_once(
    database, database_url, settings, posthog, clock, worker
):
    take(database, settings, [FIRST, OTHER], clock())
    assert len(claim_all(database, clock)) == 2
    clock.time -= HOUR
    take(database, settings, [EDIT], clock())
    assert worker.drain()
    assert_nothing_is_lost([FIRST, OTHER, EDIT], database_url, posthog)


def test_what_was_put_off_before_the_step_goes_out_after_it(
    database, database_url, settings, posthog, clock, worker
):
    take(database, settings, [FIRST], clock())
    posthog.behave(answer(503, headers={"Retry-After": "30"}), times=1)
    assert not worker.drain()
    clock.time -= HOUR
    assert worker.drain()
    assert_nothing_is_lost([FIRST], database_url, posthog)


@pytest.mark.parametrize("seconds", [1, 10, 20, 29, 31, 60])
def test_a_small_step_holds_up_nothing_for_longer_than_a_pause(
    database, database_url, settings, posthog, clock, worker, seconds
):
    take(database, settings, [FIRST], clock())
    claim_all(database, clock)
    clock.advance(seconds=-seconds)
    take(database, settings, [EDIT], clock())
    worker.drain()
    clock.time += outbox.LONGEST_HOLD
    assert worker.drain()
    assert_nothing_is_lost([FIRST, EDIT], database_url, posthog)


def test_two_workers_that_both_hold_an_event_after_the_step_deliver_it_once(
    database, database_url, settings, posthog, clock, worker
):
    take(database, settings, [FIRST, OTHER], clock())

    class SlowSender(PostHogSender):
        """While it sends, the clock is set back, and another worker finds its events due."""

        def send(self, payloads):
            clock.time -= HOUR
            take(database, settings, [EDIT], clock())
            assert worker.drain()
            return super().send(payloads)

    sender = SlowSender(posthog.url, "phc_test")
    assert Worker(database, sender, clock, threading.Event(), timedelta(days=7)).drain()
    sender.close()
    assert len(posthog.events) == 5
    assert_nothing_is_lost([FIRST, OTHER, EDIT], database_url, posthog)
