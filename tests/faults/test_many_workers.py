"""Many workers share an outbox: no double work, and a ticket's events in their order."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from datetime import timedelta

import pytest

from survey.clock import now
from survey.delivery.sender import PostHogSender
from survey.delivery.worker import LEASE, Worker
from survey.store import outbox
from survey.store.database import Database
from tests.support.customers import Answer
from tests.support.receiving import take
from tests.support.reckoning import assert_nothing_is_lost, wait_for_delivery

WORKERS = 4
TICKETS = 1_500
EDITS = 500
RETENTION = timedelta(days=7)


class Killed(BaseException):
    """What no worker catches."""


class DyingSender(PostHogSender):
    """Its worker dies when PostHog has accepted, before that is on record."""

    def send(self, payloads):
        super().send(payloads)
        raise Killed


@contextmanager
def running_worker(database_url, posthog):
    """As a process has it: with a database of its own."""
    stop = threading.Event()
    database = Database(database_url)
    sender = PostHogSender(posthog.url, "phc_test")
    worker = Worker(database, sender, now, stop, RETENTION)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(60)
        sender.close()
        database.close()


def test_many_workers_on_one_outbox_send_nothing_twice(database, database_url, settings, posthog):
    first = [Answer(str(n), 1, "first", "a") for n in range(TICKETS)]
    edits = [Answer(str(n), 5, "second", "b") for n in range(EDITS)]
    # Soon after what they edit, so that both wait when one of them is claimed.
    answers = first[:50]
    for n in range(0, TICKETS, 50):
        answers += first[n + 50 : n + 100] + edits[n : n + 50]
    with ExitStack() as workers:
        for _ in range(WORKERS):
            workers.enter_context(running_worker(database_url, posthog))
        take(database, settings, answers, now())
        wait_for_delivery(database_url)
    assert_nothing_is_lost(answers, database_url, posthog)
    assert len(posthog.events) == len(answers) == TICKETS + EDITS


def test_of_several_workers_one_gets_the_row(database, database_url, settings, clock):
    databases = [Database(database_url) for _ in range(WORKERS)]
    together = threading.Barrier(WORKERS)

    def claim(own):
        together.wait(30)
        with own.writing() as connection:
            return outbox.claim(connection, clock(), LEASE, 100, 1_000_000)

    with ThreadPoolExecutor(WORKERS) as pool:
        for n in range(20):
            take(database, settings, [Answer(str(n), 1, "first", "a")], clock())
            assert sorted(map(len, pool.map(claim, databases))) == [0] * (WORKERS - 1) + [1]
    for own in databases:
        own.close()


def test_another_worker_takes_over_what_a_dead_one_held(
    database, database_url, settings, posthog, clock
):
    answers = [Answer("42", 1, "first", "a"), Answer("43", 3, "other", "c")]
    take(database, settings, answers, clock())
    dying = DyingSender(posthog.url, "phc_test")
    with pytest.raises(Killed):
        Worker(database, dying, clock, threading.Event(), RETENTION).drain()
    answers.append(Answer("42", 5, "second", "b"))
    take(database, settings, answers[-1:], clock())

    sender = PostHogSender(posthog.url, "phc_test")
    other = Worker(database, sender, clock, threading.Event(), RETENTION)
    clock.time += LEASE - timedelta(seconds=1)
    assert not other.drain()
    # The edit waits, too: it may not overtake what the dead worker may have sent or not.
    assert len(posthog.events) == 2
    clock.advance(seconds=1)
    assert other.drain()
    assert json.dumps(posthog.events[2:4]) == json.dumps(posthog.events[:2])
    assert_nothing_is_lost(answers, database_url, posthog)
    for each in (dying, sender):
        each.close()
