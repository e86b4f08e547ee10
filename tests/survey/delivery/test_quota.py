"""PostHog's quota: while it drops events for it, all wait, one of them tries, and none is lost."""

import threading
from datetime import timedelta

import pytest

from demo.behaviour import answer
from demo.standin_v1 import QuotaAnswer
from survey.clock import now
from survey.delivery.sender import PostHogSender
from survey.delivery.worker import LEASE, LONGEST_PAUSE_SECONDS, Worker
from survey.outbox_payloads import unpack_event
from survey.store import outbox
from survey.store.database import Database
from survey.store.quota import LONGEST_BELIEF, PROBE_PAUSE
from tests.conftest import on_sqlite
from tests.support.command import run_csat
from tests.support.reckoning import DELIVERY_SECONDS

RETENTION = timedelta(days=30)
HOUR = PROBE_PAUSE.total_seconds()


@pytest.fixture
def make_worker(database, posthog, clock):
    senders = []

    def make_worker(store=database):
        senders.append(PostHogSender(posthog.url, "phc_test"))
        return Worker(store, senders[-1], clock, threading.Event(), RETENTION)

    yield make_worker
    for sender in senders:
        sender.close()


@pytest.fixture
def worker(make_worker):
    return make_worker()


def state(database, clock):
    with database.reading() as connection:
        return outbox.summarise(connection, clock())


def tickets(events):
    return [int(event["properties"]["ticketId"]) for event in events]


@pytest.mark.parametrize("told", QuotaAnswer)
def test_dropped_events_wait_with_their_reason_and_are_no_dead_letters(
    fill, worker, posthog, database, clock, told
):
    fill(250)
    posthog.v1.quota = told
    assert not worker.drain()
    found = state(database, clock)
    assert (found.waiting, found.dead_now, found.last_reason) == (250, 0, "dropped: quota")
    assert found.quota_probe_at == clock() + PROBE_PAUSE
    assert posthog.attempts == 1


def test_nothing_is_sent_for_an_hour_then_one_event_and_when_it_is_accepted_all_others(
    fill, worker, posthog, clock
):
    fill(120)
    posthog.v1.quota = QuotaAnswer.FOR_ALL
    worker.drain()
    fill(30, comment="changed", submit_id="edit")
    for _ in range(3):
        attempts = posthog.attempts
        clock.advance(seconds=HOUR - 1)
        assert not worker.drain()
        assert posthog.attempts == attempts
        clock.advance(seconds=1)
        assert not worker.drain()
        assert posthog.attempts == attempts + 1
    posthog.v1.quota = None
    clock.advance(seconds=HOUR)
    assert worker.drain()
    assert [len(request["batch"]) for request in posthog.requests][:2] == [1, 100]
    # Each ticket's edit came after what it edits.
    assert len(posthog.submissions()) == 150
    edits = {}
    for event in posthog.events:
        comment = event["properties"]["$survey_response_1"]
        edits.setdefault(event["properties"]["ticketId"], []).append(comment)
    assert all(said[-1] == "changed" for said in edits.values() if len(said) > 1)
    assert sum(len(said) > 1 for said in edits.values()) == 30


def test_all_workers_wait_for_the_quota_and_one_of_them_tries(
    fill, make_worker, posthog, database_url, clock
):
    fill(3)
    posthog.v1.quota = QuotaAnswer.FOR_EACH
    make_worker().drain()
    other_database = Database(database_url)
    other = make_worker(other_database)
    assert not other.drain()
    assert posthog.attempts == 1
    clock.advance(seconds=HOUR)
    other.drain()
    make_worker().drain()
    assert posthog.attempts == 2
    other_database.close()


def test_a_probe_that_fails_in_another_way_is_repeated_soon(fill, worker, posthog, clock):
    fill(2)
    posthog.v1.quota = QuotaAnswer.FOR_EACH
    worker.drain()
    clock.advance(seconds=HOUR)
    posthog.v1.quota = None
    posthog.behave(answer(503), times=1)
    assert not worker.drain()
    clock.advance(seconds=max(LEASE.total_seconds(), LONGEST_PAUSE_SECONDS))
    assert worker.drain()


def test_a_probe_whose_worker_died_is_sent_by_another_one(fill, worker, posthog, database, clock):
    fill(2)
    posthog.v1.quota = QuotaAnswer.FOR_EACH
    worker.drain()
    clock.advance(seconds=HOUR)
    posthog.v1.quota = None
    with database.claiming() as connection:
        (probe,) = outbox.claim(connection, clock(), LEASE, 100, 10**6)
    assert probe.is_probe
    assert not worker.drain()
    clock.time += LEASE
    assert worker.drain()
    assert sorted(tickets(posthog.submissions())) == [0, 1]


def test_a_probe_is_not_sent_by_the_batch_call_which_would_lose_it(
    fill, worker, posthog, database, clock
):
    fill(2)
    posthog.v1.quota = QuotaAnswer.FOR_EACH
    worker.drain()
    posthog.v1.is_offered = False
    clock.advance(seconds=HOUR)
    assert not worker.drain()
    assert state(database, clock).waiting == 2
    posthog.v1.is_offered, posthog.v1.quota = True, None
    clock.advance(seconds=LONGEST_PAUSE_SECONDS)
    assert worker.drain()
    assert len(posthog.submissions()) == 2


def test_a_quota_of_which_nothing_was_heard_for_a_day_is_forgotten(
    fill, worker, posthog, database, clock
):
    fill(2)
    posthog.v1.quota = QuotaAnswer.FOR_EACH
    worker.drain()
    posthog.v1.is_offered, posthog.v1.quota = False, None
    clock.time += LONGEST_BELIEF + timedelta(seconds=1)
    assert worker.drain()
    assert state(database, clock).quota_probe_at is None


def test_a_clock_that_was_set_back_delays_the_probe_no_further(fill, worker, posthog, clock):
    fill(1)
    posthog.v1.quota = QuotaAnswer.FOR_EACH
    worker.drain()
    posthog.v1.quota = None
    clock.advance(seconds=-HOUR)
    assert worker.drain()


def test_one_answer_can_hold_everything(fill, worker, posthog, database, clock):
    fill(5)
    results = {
        "1": ("drop", "billing_limit_exceeded"),
        "2": ("drop", "event_restriction_drop"),
        "3": ("retry", "not_persisted"),
    }
    posthog.v1.decide(lambda event: results.get(event["properties"]["ticketId"]))
    assert not worker.drain()
    assert tickets(posthog.events) == [0, 4]
    found = state(database, clock)
    assert (found.delivered, found.waiting, found.dead_now) == (2, 2, 1)
    assert found.dead[0].reason == "PostHog dropped the event (event_restriction_drop)"
    posthog.v1.decide(lambda _event: None)
    clock.advance(seconds=HOUR)
    assert worker.drain()
    assert sorted(tickets(posthog.events)) == [0, 1, 3, 4]


def test_no_uuid_stands_twice_in_a_batch(fill, database, clock):
    """PostHog would refuse the whole batch. Each event has the uuid of its row, which is unique."""
    fill(3)
    fill(3)  # sent again by a browser
    fill(3, comment="changed", submit_id="edit")
    seen = []
    for _ in range(2):
        with database.claiming() as connection:
            claims = outbox.claim(connection, clock(), LEASE, 100, 10**6)
            outbox.mark_delivered(connection, [claim.id for claim in claims], clock())
        seen += [unpack_event(claim.payload)["uuid"] for claim in claims]
    assert len(set(seen)) == len(seen) == 6


def test_a_running_worker_delivers_everything_soon_after_the_quota_opens(
    fill, database, posthog, monkeypatch
):
    monkeypatch.setattr("survey.store.quota.PROBE_PAUSE", timedelta(seconds=0.5))
    posthog.v1.quota = QuotaAnswer.FOR_ALL
    stop, sender = threading.Event(), PostHogSender(posthog.url, "phc_test")
    thread = threading.Thread(target=Worker(database, sender, now, stop, RETENTION).run)
    thread.start()
    try:
        fill(150)
        assert posthog.wait_for_attempts(2, DELIVERY_SECONDS)  # one of them is a probe
        posthog.v1.quota = None
        assert posthog.wait_for_events(150, DELIVERY_SECONDS)
    finally:
        stop.set()
        thread.join(10)
        sender.close()
    assert len(posthog.events) == 150


@on_sqlite
class TestTheCommands:
    @pytest.fixture
    def csat(self, settings, posthog):
        return lambda *arguments: run_csat(
            *arguments,
            CSAT_DATABASE_URL=settings.database_url,
            CSAT_POSTHOG_HOST=posthog.url,
            CSAT_POSTHOG_KEY="phc_test",
        )

    def test_they_say_what_waits_why_and_what_to_do_and_try_at_once_if_told(
        self, csat, fill, posthog
    ):
        fill(3)
        posthog.v1.quota = QuotaAnswer.FOR_ALL
        assert csat("deliver", "--once").returncode == 1
        shown = csat("outbox").stdout
        assert "last reason: dropped: quota" in shown
        assert "PostHog said: billing_limit_exceeded" in shown
        assert "raise its billing limit for surveys; one event tries again in 0:59:" in shown
        assert "its quota is used up; 3 wait here" in csat("doctor").stdout
        posthog.v1.quota = None
        csat("outbox", "retry")
        assert csat("deliver", "--once").returncode == 0
        assert len(posthog.submissions()) == 3
