"""The worker: everything waiting is delivered, whatever PostHog does in between."""

import json
import threading

import pytest

from survey.delivery.sender import PostHogSender
from survey.delivery.worker import LONGEST_PAUSE_SECONDS, Worker
from survey.demo.behaviour import accept_then_reset, answer, redirect, reset
from survey.events import Questions
from survey.links import parse_link
from survey.receive import Submission, receive
from survey.store import outbox
from survey.store.clock import now
from survey.store.vocabulary import Trust
from tests.support.command import run_csat


@pytest.fixture
def fill(database, settings, clock):
    """Put answers into the store, one a ticket, through the front door."""

    def fill(how_many, comment=None):
        for ticket in range(how_many):
            link = parse_link({"ticketId": str(ticket), "distinct_id": f"customer-{ticket}"})
            submission = Submission(link, Trust.UNVERIFIED, 5, comment, "s", Questions("How?"))
            receive(database, settings, submission, clock())

    return fill


@pytest.fixture
def worker(database, posthog, clock):
    sender = PostHogSender(posthog.url, "phc_test")
    yield Worker(database, sender, clock, threading.Event())
    sender.close()


def state(database):
    with database.reading() as connection:
        return outbox.summarise(connection)


def tickets(events):
    return [int(event["properties"]["ticketId"]) for event in events]


def test_everything_waiting_is_delivered_in_order_and_in_batches(fill, worker, posthog, database):
    fill(250)
    assert worker.drain()
    assert [len(request["batch"]) for request in posthog.requests] == [100, 100, 50]
    assert tickets(posthog.events) == list(range(250))
    assert (state(database).waiting, state(database).delivered) == (0, 250)


@pytest.mark.parametrize("failure", [answer(503), answer(429), reset(), redirect(), answer(401)])
def test_what_was_not_accepted_waits_and_goes_out_later(
    fill, worker, posthog, database, clock, failure
):
    fill(3)
    posthog.behave(failure, times=1)
    assert not worker.drain()
    assert state(database).waiting == 3
    assert state(database).last_error
    clock.advance(seconds=LONGEST_PAUSE_SECONDS)
    assert worker.drain()
    assert tickets(posthog.submissions()) == [0, 1, 2]


def test_a_lost_acknowledgement_is_a_resend_of_the_same_bytes(fill, worker, posthog, clock):
    fill(1)
    posthog.behave(accept_then_reset(), times=1)
    assert not worker.drain()
    clock.advance(seconds=LONGEST_PAUSE_SECONDS)
    assert worker.drain()
    first, second = posthog.events
    assert json.dumps(first) == json.dumps(second)
    assert len(posthog.submissions()) == 1


def test_posthogs_wish_for_a_pause_is_kept(fill, worker, posthog, clock):
    fill(1)
    posthog.behave(answer(429, headers={"Retry-After": "20"}), times=1)
    assert not worker.drain()
    clock.advance(seconds=19)
    assert not worker.drain()
    assert posthog.attempts == 1
    clock.advance(seconds=1)
    assert worker.drain()


def test_the_event_that_posthog_can_never_take_is_found_and_buried(fill, worker, posthog, database):
    fill(20)
    posthog.refuse(lambda event: event["properties"]["ticketId"] == "13")
    assert worker.drain()
    assert tickets(posthog.events) == [n for n in range(20) if n != 13]
    ((reason, count),) = state(database).dead.items()
    assert count == 1
    assert "400" in reason


@pytest.mark.parametrize("wish", ["0", "-5", "nan"])
def test_a_wish_for_no_pause_does_not_hammer_posthog(fill, worker, posthog, wish):
    fill(1)
    posthog.behave(answer(503, headers={"Retry-After": wish}))
    assert not worker.drain()
    assert posthog.attempts == 1


def test_pauses_grow_and_stay_under_the_cap(worker):
    pauses = [worker._next_pause() for _ in range(40)]
    assert all(1.0 <= pause <= LONGEST_PAUSE_SECONDS for pause in pauses)
    assert max(pauses[10:]) > 4.0
    assert worker._next_pause(retry_after=3600) == LONGEST_PAUSE_SECONDS


def test_running_goes_on_until_stopped(fill, database, posthog):
    stop = threading.Event()
    worker = Worker(database, PostHogSender(posthog.url, "phc_test"), now, stop)
    thread = threading.Thread(target=worker.run)
    thread.start()
    fill(3)
    assert posthog.wait_for_events(3)
    stop.set()
    thread.join(10)
    assert not thread.is_alive()


class TestTheCommand:
    @pytest.fixture
    def csat(self, settings, posthog):
        def csat(*arguments):
            return run_csat(
                *arguments,
                CSAT_DATABASE_URL=settings.database_url,
                CSAT_POSTHOG_HOST=posthog.url,
                CSAT_POSTHOG_KEY="phc_test",
            )

        return csat

    def test_once_delivers_and_exits_0(self, csat, fill, posthog):
        fill(2, comment="private words")
        done = csat("deliver", "--once")
        assert done.returncode == 0
        assert len(posthog.events) == 2
        assert "private words" not in done.stderr
        assert "customer-1" not in done.stderr

    def test_once_exits_1_if_something_is_left(self, csat, fill, posthog):
        fill(1)
        posthog.behave(answer(503))
        done = csat("deliver", "--once")
        assert done.returncode == 1
        assert "not everything was delivered" in done.stderr

    def test_the_outbox_shows_what_waits_and_what_is_dead(self, csat, fill, posthog):
        fill(3)
        posthog.refuse(lambda event: event["properties"]["ticketId"] == "1")
        csat("deliver", "--once")
        shown = csat("outbox").stdout
        assert "waiting    0" in shown
        assert "delivered  2" in shown
        assert "dead       1" in shown
        assert "1 × PostHog answered 400" in shown
        posthog.refuse(None)
        assert "1 dead letters wait" in csat("outbox", "retry").stdout
        assert csat("deliver", "--once").returncode == 0
        assert "dead       0" in csat("outbox").stdout
