"""The worker: everything waiting is delivered, whatever PostHog does in between."""

import json
import threading
from datetime import timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import func, select

from demo.behaviour import ACCEPT, accept_then_reset, answer, redirect, reset
from survey.clock import now
from survey.delivery.failures import DeliveryError, FailureKind
from survey.delivery.sender import PostHogSender
from survey.delivery.worker import LEASE, LONGEST_PAUSE_SECONDS, Worker
from survey.logs import configure_logs
from survey.store import outbox
from survey.store.models import OutboxRow
from tests.support.command import run_csat
from tests.support.site import wait_until

RETENTION = timedelta(days=30)
# In the form of both protocols.
REFUSAL = answer(400, {"error": "invalid_payload", "detail": "no"})


@pytest.fixture
def worker(database, posthog, clock):
    sender = PostHogSender(posthog.url, "phc_test")
    yield Worker(database, sender, clock, threading.Event(), RETENTION)
    sender.close()


def state(database):
    with database.reading() as connection:
        return outbox.summarise(connection, now())


def tickets(events):
    return [int(event["properties"]["ticketId"]) for event in events]


def deliver_until_stopped(fill, database, posthog):
    """Run a worker until three events have arrived; it ends when it is told to."""
    stop = threading.Event()
    worker = Worker(database, PostHogSender(posthog.url, "phc_test"), now, stop, RETENTION)
    thread = threading.Thread(target=worker.run)
    thread.start()
    fill(3)
    assert posthog.wait_for_events(3)
    stop.set()
    thread.join(10)
    assert not thread.is_alive()


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
    posthog.behave(failure)
    assert not worker.drain()
    assert state(database).waiting == 3
    assert state(database).last_reason
    posthog.behave(ACCEPT)
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
    (letters,) = state(database).dead
    assert (letters.reason, letters.count) == ("PostHog answered 400", 1)
    assert "told to refuse" in letters.error_message


@pytest.mark.parametrize("wish", ["0", "-5", "nan"])
def test_a_wish_for_no_pause_does_not_hammer_posthog(fill, worker, posthog, wish):
    fill(1)
    posthog.behave(answer(503, headers={"Retry-After": wish}))
    assert not worker.drain()
    assert posthog.attempts == 1


def test_an_event_that_posthog_chokes_on_holds_up_nobody_else(
    fill, worker, posthog, database, clock
):
    fill(40)
    posthog.choke(lambda event: event["properties"]["ticketId"] == "7")
    for _ in range(40):
        worker.drain()
        clock.advance(seconds=LONGEST_PAUSE_SECONDS)
    assert sorted(tickets(posthog.submissions())) == [n for n in range(40) if n != 7]
    assert state(database).waiting == 1


def test_an_edit_waits_for_the_answer_that_it_edits(fill, worker, posthog, clock):
    fill(2)
    posthog.behave(answer(503), times=1)
    worker.drain()  # both are put off
    fill(1, comment="changed", submit_id="edit")
    worker.drain()
    assert posthog.events == []
    clock.advance(seconds=LONGEST_PAUSE_SECONDS)
    assert worker.drain()
    assert tickets(posthog.events) == [0, 1, 0]


def test_what_follows_in_a_halved_batch_waits_with_what_failed_before_it(
    fill, worker, posthog, database
):
    fill(4)
    fill(1, comment="changed", submit_id="edit")
    # The batch is refused, and of its halves the first, with ticket 0, fails.
    posthog.behave(REFUSAL, times=1)
    posthog.behave(answer(503), times=1)
    worker.drain()
    assert posthog.events == []
    assert state(database).waiting == 5


def test_batches_hold_a_megabyte_and_a_large_event_goes_alone(fill, worker, posthog):
    # Seven bytes of JSON each character, in three properties: some 400 kB an event.
    fill(5, comment="\N{HEDGEHOG}" * 11_000)
    assert worker.drain()
    assert [len(request["batch"]) for request in posthog.requests] == [2, 2, 1]
    fill(2, comment="\N{HEDGEHOG}" * 40_000, submit_id="edit")
    assert worker.drain()
    assert [len(request["batch"]) for request in posthog.requests[3:]] == [1, 1]


def test_being_stopped_leaves_no_claim_behind(fill, database, clock):
    fill(4)
    stop = threading.Event()

    class StoppedWhileSending:
        def send(self, payloads):
            stop.set()
            raise DeliveryError(FailureKind.REJECTED, "PostHog answered 400")

    Worker(database, StoppedWhileSending(), clock, stop, RETENTION).drain()
    with database.writing() as connection:
        assert len(outbox.claim(connection, clock(), LEASE, 100, 10**6)) == 4


def test_old_delivered_events_are_deleted_and_stay_counted(fill, worker, database, clock):
    fill(3)
    worker.drain()
    fill(1, comment="changed", submit_id="edit")
    clock.advance(days=29)
    worker.drain()
    clock.advance(days=2)
    worker.drain()
    with database.reading() as connection:
        assert connection.scalar(select(func.count(OutboxRow.id))) == 1
    assert state(database).delivered == 4


NUL_AND_ESCAPE = '{"error": "invalid_payload", "detail": "bad \\u0000 \\u001b[2J \\u202e \\ud800"}'


@pytest.mark.parametrize("status", [400, 413])
def test_words_that_no_database_stores_end_one_event_and_hold_up_no_other(
    fill, worker, posthog, database, status
):
    fill(3)
    posthog.behave(answer(status, NUL_AND_ESCAPE), times=3)  # all, the first half, its event
    assert worker.drain()
    assert tickets(posthog.events) == [1, 2]
    (letters,) = state(database).dead
    assert (letters.count, letters.tickets, letters.error_message) == (1, ["0"], "bad ? ?[2J ? ?")


def test_words_of_the_event_that_waits_are_kept(fill, worker, posthog, database):
    fill(1)
    posthog.behave(answer(401, {"detail": "no such key"}))
    worker.drain()
    assert state(database).last_reason == "PostHog answered 401: check CSAT_POSTHOG_KEY"
    assert state(database).error_message == "no such key"


def test_a_dead_letter_is_in_the_log_when_it_is_in_the_database(
    fill, worker, posthog, database, monkeypatch
):
    fill(1)
    posthog.behave(REFUSAL, times=1)
    seen = []
    monkeypatch.setattr(
        "survey.delivery.worker.log",
        SimpleNamespace(error=lambda words, **_: seen.append((words, len(state(database).dead)))),
    )
    worker.drain()
    assert seen == [("dead letter", 1)]


class Failing:
    """Sends, and fails as nobody expects when a ticket is in the batch."""

    def __init__(self, url, ticket):
        self._sender, self._ticket = PostHogSender(url, "phc_test"), ticket

    def send(self, payloads):
        if any(f'"ticketId": "{self._ticket}"' in payload for payload in payloads):
            raise LookupError("words of a customer")
        return self._sender.send(payloads)


def test_an_event_that_cannot_be_sent_for_a_mistake_of_ours_holds_up_nobody_else(
    fill, posthog, database, clock, capsys
):
    configure_logs("text")
    fill(20)
    sender = Failing(posthog.url, "7")
    worker = Worker(database, sender, clock, threading.Event(), RETENTION)
    for _ in range(30):
        assert not worker.drain()
        clock.advance(seconds=LONGEST_PAUSE_SECONDS)
    assert sorted(tickets(posthog.submissions())) == [n for n in range(20) if n != 7]
    assert state(database).waiting == 1
    assert state(database).last_reason == "delivery failed: LookupError"
    shown = capsys.readouterr()
    assert "words of a customer" not in shown.out + shown.err


def test_a_result_that_cannot_be_recorded_holds_up_nobody_else(
    fill, worker, posthog, database, clock
):
    fill(10)
    with database.writing() as connection:
        for statement in REFUSE_TO_BURY[database.is_sqlite]:
            connection.exec_driver_sql(statement)
    posthog.refuse(lambda event: event["properties"]["ticketId"] == "3")
    for _ in range(20):
        assert not worker.drain()
        clock.advance(seconds=LONGEST_PAUSE_SECONDS)
    assert sorted(tickets(posthog.submissions())) == [n for n in range(10) if n != 3]
    assert state(database).waiting == 1


# Keyed by whether this is SQLite.
REFUSE_TO_BURY = {
    True: [
        "CREATE TRIGGER refuse BEFORE UPDATE OF dead_at ON outbox WHEN NEW.dead_at IS NOT NULL "
        "BEGIN SELECT RAISE(ABORT, 'refused'); END"
    ],
    False: ["ALTER TABLE outbox ADD CONSTRAINT refuse CHECK (dead_at IS NULL)"],
}


def test_running_survives_what_nobody_expected(fill, database, posthog, monkeypatch):
    monkeypatch.setattr("survey.delivery.worker.FIRST_PAUSE_SECONDS", 0.01)
    failures = iter([RuntimeError("one"), ValueError("two")])
    claim = outbox.claim

    def failing_claim(*arguments):
        if failure := next(failures, None):
            raise failure
        return claim(*arguments)

    monkeypatch.setattr(outbox, "claim", failing_claim)
    deliver_until_stopped(fill, database, posthog)


def test_the_next_batch_is_claimed_while_one_is_sent_and_given_back_when_that_fails(
    fill, database, clock
):
    fill(300)
    stop, batches = threading.Event(), []

    class FailingThird:
        def send(self, payloads):
            batches.append(payloads)
            # The first prunes; from the second on, the next is claimed ahead.
            if len(batches) == 2:
                wait_until(lambda: waiting_unclaimed(database, clock) == 0)
                raise DeliveryError(FailureKind.TRANSIENT, "PostHog answered 503")
            return [None] * len(payloads)

    Worker(database, FailingThird(), clock, stop, RETENTION).drain()
    assert [len(batch) for batch in batches] == [100, 100]
    # What was claimed ahead is free at once; what failed is put off.
    assert waiting_unclaimed(database, clock) == 100
    assert state(database).waiting == 200


def test_what_was_claimed_ahead_of_a_slow_answer_is_claimed_anew(
    fill, database, clock, monkeypatch
):
    monkeypatch.setattr("survey.delivery.worker.AHEAD_SECONDS", 0.0)
    fill(300)
    leases = []

    class Counting:
        def send(self, payloads):
            with database.reading() as connection:
                leases.append(connection.scalar(select(func.max(OutboxRow.available_at))))
            clock.advance(seconds=1)
            return [None] * len(payloads)

    assert Worker(database, Counting(), clock, threading.Event(), RETENTION).drain()
    assert len(leases) == 3
    assert sorted(set(leases)) == leases  # each was claimed after the one before was sent


def waiting_unclaimed(database, clock):
    due = (OutboxRow.delivered_at.is_(None), OutboxRow.available_at <= clock())
    with database.reading() as connection:
        return connection.scalar(select(func.count()).where(*due))


def test_pauses_grow_and_stay_under_the_cap(worker):
    pauses = [worker._next_pause() for _ in range(40)]
    assert all(0.0 <= pause <= LONGEST_PAUSE_SECONDS for pause in pauses)
    assert pauses[0] <= 2.0
    assert max(pauses[10:]) > 8.0
    assert worker._next_pause(retry_after=3600) == LONGEST_PAUSE_SECONDS


def test_running_goes_on_until_stopped(fill, database, posthog):
    deliver_until_stopped(fill, database, posthog)


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
        assert "1 × PostHog answered 400 (ID 2)" in shown
        assert "ticket 1" in shown
        assert "the stand-in was told to refuse this event" in shown
        posthog.refuse(None)
        assert "1 dead letter waits" in csat("outbox", "retry").stdout
        assert csat("deliver", "--once").returncode == 0
        assert "dead       0" in csat("outbox").stdout

    def test_the_outbox_says_what_posthog_said_and_what_to_do(self, csat, fill, posthog):
        fill(1)
        posthog.behave(answer(401, {"detail": "no such key"}))
        csat("deliver", "--once")
        shown = csat("outbox").stdout
        assert "last reason: PostHog answered 401: check CSAT_POSTHOG_KEY" in shown
        assert "PostHog said: no such key" in shown

    def test_words_that_are_orders_to_a_terminal_are_not_printed(self, csat, fill, database, clock):
        fill(2)
        words = "\x1b[2J \u202egone"  # as a version before this one stored them
        with database.writing() as connection:
            outbox.dead_letter(connection, [1], clock(), "PostHog answered 400", words)
            outbox.postpone(connection, [2], clock(), "PostHog answered 503", words)
        shown = csat("outbox").stdout
        assert shown.count("?[2J ?gone") == 2
        assert words not in csat("outbox", "--json").stdout
        assert json.loads(csat("outbox", "--json").stdout)["error_message"] == words
        assert "\x1b" not in shown + csat("outbox", "--json").stdout

    def test_the_outbox_speaks_to_programs(self, csat, fill, posthog):
        fill(3)
        posthog.refuse(lambda event: event["properties"]["ticketId"] == "1")
        assert csat("deliver", "--once").returncode == 0
        fill(1, submit_id="edit")
        shown = json.loads(csat("outbox", "--json").stdout)
        assert (shown["waiting"], shown["delivered"], shown["dead_total"]) == (1, 2, 1)
        assert shown["oldest_seconds"] > 0
        assert shown["per_minute"] == 0.4  # two within five minutes
        (letters,) = shown["dead"]
        assert (letters["reason"], letters["count"], letters["ids"]) == (
            "PostHog answered 400",
            1,
            [2],
        )

    def test_dead_letters_are_retried_by_id_all_that_are_named_or_none(self, csat, fill, posthog):
        fill(3)
        posthog.refuse(lambda _event: True)
        csat("deliver", "--once")
        wrong = csat("outbox", "retry", "1", "77")
        assert (wrong.returncode, wrong.stderr) == (1, "csat: no dead letter has the id 77\n")
        assert json.loads(csat("outbox", "--json").stdout)["waiting"] == 0
        assert "2 dead letters wait" in csat("outbox", "retry", "1", "3").stdout
        assert json.loads(csat("outbox", "--json").stdout)["waiting"] == 2
        assert "1 dead letter waits" in csat("outbox", "retry", "--all").stdout
        assert csat("outbox", "retry", "--all", "1").returncode == 2
