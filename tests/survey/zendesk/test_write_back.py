"""From a rating to its ticket at Zendesk: the tag that is true, and each comment once."""

import os
import signal
import subprocess
import sys
import threading
from datetime import timedelta
from functools import partial

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from demo.behaviour import answer as reply
from demo.behaviour import hang, reset
from survey.clock import now as wall_clock
from survey.delivery.failures import DeliveryError, FailureKind
from survey.events import Questions
from survey.links import parse_link
from survey.messages import preparers
from survey.messages.ticket_preparer import (
    PAUSE,
    RATING_TAGS,
    UNKNOWN_TICKET,
    WAIT_FOR_TICKET,
    WRITES_AT_ONCE,
)
from survey.messages.worker import GIVE_UP_AFTER, LEASE, LONGEST_PAUSE, Sent, send_due
from survey.receive import Arrival, Submission, receive_all
from survey.store.models import AnswerRow, Channel, OutboxRow, ResponseRow, TicketRow, VoidRow
from survey.store.outbox import MESSAGES, prune, requeue, summarise_queue
from survey.store.responses import find_responses
from survey.store.tickets import save_updates
from survey.store.voids import is_void, void_ticket
from survey.vocabulary import TicketStatus, Trust
from survey.voiding import CannotVoid, unvoid, void
from survey.zendesk import client as client_module
from survey.zendesk.client import ZendeskClient
from survey.zendesk.tickets import TicketUpdate
from tests.conftest import on_sqlite
from tests.support.clock import Clock
from tests.support.command import environment
from tests.support.examples import examples
from tests.support.settings import SECRET_KEY, make_settings
from tests.support.site import wait_until

DELAY = timedelta(minutes=10)


@pytest.fixture(autouse=True)
def _jobs_are_asked_without_a_pause(monkeypatch):
    monkeypatch.setattr(client_module, "POLL_SECONDS", 0.001)


@pytest.fixture
def settings(database_url, zendesk):
    return make_settings(
        database_url=database_url,
        zendesk_write_back="tag+note",
        test_distinct_ids="tester",
        **zendesk.settings,
    )


def told_of(number, at, status=TicketStatus.SOLVED):
    """What the help desk says of a ticket."""
    return TicketUpdate(ticket_id=str(number), status=status, updated_at=at, team="surveys")


def fill_in(ticket_id, rating, comment=None, person="jane", trust=Trust.UNVERIFIED):
    link = parse_link({"ticketId": ticket_id, "distinct_id": person, "team": "surveys"})
    return Submission(link, trust, rating, comment, None, Questions("How?"))


@pytest.fixture
def keep(database, settings, clock):
    """Keep what the help desk says of a ticket."""

    def keep(number, status=TicketStatus.SOLVED):
        with database.writing() as connection:
            told = told_of(number, clock(), status)
            save_updates(database, connection, [told], settings, clock())

    return keep


@pytest.fixture
def ticket(zendesk, keep):
    """A solved ticket at the help desk, which we have heard of."""

    def ticket(*, is_kept=True, tags=("vip",)):
        desk = zendesk.desk
        number = desk.create_ticket(desk.add_user("jane@example.com", "jane"), tags=tags)
        desk.reply(number, "solved")
        if is_kept:
            keep(number)
        return str(number)

    return ticket


@pytest.fixture
def answer(database, settings, clock):
    def answer(ticket_id, *given, settings=settings, **more):
        form = fill_in(ticket_id, *given, **more)
        receive_all(database, settings, [Arrival(form, clock())])

    return answer


@pytest.fixture
def send(database, settings, clock):
    return lambda: send_due(database, settings, clock, channels=[Channel.ZENDESK])


@pytest.fixture
def settle(send, clock):
    """Let the delay pass, and write what is due."""

    def settle():
        # Of answers at the same time, the second counts as received a microsecond later.
        clock.time += DELAY + timedelta(milliseconds=1)
        return send()

    return settle


@pytest.fixture
def tags(zendesk):
    return lambda ticket_id: sorted(zendesk.desk.tickets[int(ticket_id)].tags)


@pytest.fixture
def notes(zendesk):
    def notes(ticket_id):
        comments = zendesk.desk.tickets[int(ticket_id)].comments
        assert not any(comment["public"] for comment in comments)
        return [comment["html_body"] for comment in comments]

    return notes


@pytest.fixture
def queue(database):
    def queue():
        with database.reading() as connection:
            return summarise_queue(connection, MESSAGES)

    return queue


def rows(database):
    with database.reading() as connection:
        found = select(OutboxRow).where(OutboxRow.channel == Channel.ZENDESK.value)
        return connection.execute(found).all()


def changes(zendesk):
    """The requests that wrote to tickets."""
    return [each for each in zendesk.requests if each.method == "PUT"]


def test_a_rating_becomes_a_tag_after_the_delay(ticket, answer, send, clock, tags, zendesk):
    number = ticket()
    answer(number, 2)
    clock.time += DELAY - timedelta(seconds=1)
    assert send() == Sent()
    clock.advance(seconds=1)
    assert send() == Sent(sent=1)
    assert tags(number) == ["csat_2", "vip"]
    clock.advance(days=1)
    assert send() == Sent()
    assert len(changes(zendesk)) == 1


def test_an_edit_within_the_delay_makes_one_write(ticket, answer, settle, clock, tags, zendesk):
    number = ticket()
    answer(number, 1)
    clock.advance(minutes=9)
    answer(number, 4)
    clock.advance(minutes=9)
    assert settle() == Sent(sent=1)
    assert tags(number) == ["csat_4", "vip"]
    settle()
    assert len(changes(zendesk)) == 1


def test_the_delay_begins_anew_with_each_change(ticket, answer, send, clock, tags):
    number = ticket()
    answer(number, 1)
    clock.advance(minutes=9)
    answer(number, 4)
    clock.advance(minutes=9)
    assert send() == Sent()
    assert tags(number) == ["vip"]


def test_an_edit_replaces_the_tag_also_of_a_closed_ticket(ticket, answer, settle, tags, zendesk):
    number = ticket()
    answer(number, 5)
    settle()
    zendesk.desk.close(int(number))
    answer(number, 1)
    settle()
    assert tags(number) == ["csat_1", "vip"]


@on_sqlite
@pytest.mark.parametrize("trust", Trust)
def test_a_comment_becomes_an_internal_note(ticket, answer, settle, notes, tags, trust):
    number = ticket()
    answer(number, 2, "slow", trust=trust)
    assert settle() == Sent(sent=2)
    (note,) = notes(number)
    assert "<br>slow" in note
    assert ("Nobody has checked" in note) == (trust is Trust.UNVERIFIED)
    assert tags(number) == ["csat_2", "vip"]


def test_a_comment_is_noted_once_and_again_when_it_has_changed(ticket, answer, settle, notes):
    number = ticket()
    for rating, comment in ((2, "slow"), (3, "slow"), (3, "fast"), (4, None), (4, "fast")):
        answer(number, rating, comment)
        settle()
    assert [note.partition("<br>")[2].split("<br>")[0] for note in notes(number)] == [
        "slow",
        "fast",
    ]


@on_sqlite
def test_a_comment_that_was_changed_and_changed_back_is_not_noted_again(
    ticket, answer, settle, notes
):
    number = ticket()
    answer(number, 2, "slow")
    settle()
    answer(number, 2, "fast")
    answer(number, 2, "slow")
    settle()
    assert len(notes(number)) == 1


def test_a_closed_ticket_takes_the_tag_and_no_note(
    ticket, answer, settle, tags, notes, zendesk, queue
):
    number = ticket()
    zendesk.desk.close(int(number))  # nobody has told us yet
    answer(number, 2, "slow")
    settle()
    assert (tags(number), notes(number)) == (["csat_2", "vip"], [])
    assert (queue().waiting, queue().dead) == (0, [])


@on_sqlite
def test_nobody_is_asked_about_a_note_for_a_ticket_that_we_know_to_be_closed(
    ticket, answer, settle, keep, zendesk, clock
):
    number = ticket()
    clock.advance(minutes=1)
    keep(number, TicketStatus.CLOSED)
    answer(number, 2, "slow")
    settle()
    assert not [each for each in zendesk.requests if "comments" in each.path]


@on_sqlite
def test_hostile_comments_stay_words(ticket, answer, settle, notes):
    number = ticket()
    answer(number, 1, "<script>alert(1)</script> {{ticket.requester.email}} https://evil.example")
    settle()
    (note,) = notes(number)
    for forbidden in ("<script", "{{", "://evil"):
        assert forbidden not in note


@on_sqlite
def test_by_default_nothing_is_queued_and_tags_alone_can_be_asked_for(
    ticket, answer, settings, settle, database, tags, notes
):
    number = ticket()
    answer(number, 1, "slow", settings=settings.model_copy(update={"zendesk_write_back": "off"}))
    assert rows(database) == []
    answer(number, 2, "slower", settings=settings.model_copy(update={"zendesk_write_back": "tag"}))
    settle()
    assert (tags(number), notes(number)) == (["csat_2", "vip"], [])


@on_sqlite
def test_what_waits_goes_on_waiting_while_it_is_switched_off(
    ticket, answer, settings, database, clock, tags, send
):
    number = ticket()
    answer(number, 1)
    clock.time += DELAY
    assert send_due(database, settings.model_copy(update={"zendesk_write_back": "off"}), clock) == (
        Sent()
    )
    send()
    assert tags(number) == ["csat_1", "vip"]


@on_sqlite
def test_testers_and_strangers_leave_no_trace(ticket, answer, settle, database, tags):
    number, other = ticket(), ticket()
    answer(number, 1, person="tester")
    assert rows(database) == []
    answer(other, 5)
    answer(other, 1, person="eve")
    settle()
    assert (tags(number), tags(other)) == (["vip"], ["csat_5", "vip"])


@on_sqlite
@pytest.mark.parametrize("ticket_id", ["A-7", "-1", "٣", "9" * 19])
def test_what_cannot_be_a_ticket_of_zendesk_is_not_queued(answer, database, ticket_id):
    answer(ticket_id, 1, trust=Trust.SIGNED)
    assert rows(database) == []


def test_a_number_that_anybody_can_invent_reaches_no_ticket_until_we_hear_of_it(
    ticket, answer, settle, keep, tags, zendesk, queue
):
    number = ticket(is_kept=False)
    answer(number, 1)
    settle()
    assert (changes(zendesk), queue().last_reason) == ([], UNKNOWN_TICKET)
    keep(number)
    settle()
    assert tags(number) == ["csat_1", "vip"]
    assert queue().waiting == 0


@on_sqlite
def test_after_a_day_a_number_that_nobody_knows_is_forgotten(
    answer, settle, send, clock, database, zendesk
):
    answer("4711", 1, "who am I?")
    settle()
    clock.time += WAIT_FOR_TICKET
    assert send() == Sent()
    assert (rows(database), zendesk.requests) == ([], [])


@on_sqlite
def test_a_signed_link_needs_no_ticket_that_we_know(ticket, answer, settle, tags):
    number = ticket(is_kept=False)
    answer(number, 1, trust=Trust.SIGNED)
    settle()
    assert tags(number) == ["csat_1", "vip"]


@on_sqlite
def test_a_ticket_that_is_gone_is_left_alone(
    ticket, answer, settle, keep, zendesk, clock, database
):
    number = ticket()
    clock.advance(minutes=1)
    keep(number, TicketStatus.GONE)
    answer(number, 1)
    settle()
    assert (rows(database), zendesk.requests) == ([], [])


def test_a_void_takes_the_tag_away_and_its_end_brings_it_back(
    ticket, answer, settle, send, settings, database, clock, tags, notes
):
    number = ticket()
    answer(number, 1, "slow")
    settle()
    void(database, settings, number, "a test", clock())
    send()
    assert tags(number) == ["vip"]
    unvoid(database, settings, number, "no test", clock())
    send()
    assert tags(number) == ["csat_1", "vip"]
    assert len(notes(number)) == 1


@on_sqlite
def test_a_void_before_the_delay_is_over_leaves_no_tag_and_no_note(
    ticket, answer, settle, settings, database, clock, tags, notes
):
    number = ticket()
    answer(number, 1, "slow")
    void(database, settings, number, "a test", clock())
    settle()
    assert (tags(number), notes(number)) == (["vip"], [])


@on_sqlite
def test_a_void_of_a_ticket_without_a_response_writes_nothing(ticket, settings, database, clock):
    number = ticket()
    void(database, settings, number, "a test", clock(), force=True)
    assert rows(database) == []
    with pytest.raises(CannotVoid):
        void(database, settings, number, "a test", clock())


@on_sqlite
def test_tickets_with_the_same_rating_are_written_together(ticket, answer, settle, tags, zendesk):
    numbers = [ticket() for _ in range(103)]
    for number in numbers:
        answer(number, 4)
    others = [ticket() for _ in range(3)]
    for number in others:
        answer(number, 1)
    settle()
    sizes = sorted(len(each.query["ids"].split(",")) for each in changes(zendesk))
    assert sizes == [3, 3, 100]
    assert {tuple(tags(number)) for number in numbers} == {("csat_4", "vip")}
    assert {tuple(tags(number)) for number in others} == {("csat_1", "vip")}


def test_a_refused_ticket_is_a_dead_letter_and_keeps_no_other_from_its_tag(
    ticket, answer, settle, tags, zendesk, queue, database, clock, send
):
    number, other = ticket(), ticket()
    zendesk.desk.tickets[int(number)].status = "deleted"
    answer(number, 1)
    answer(other, 1)
    assert settle() == Sent(sent=1, dead=1)
    assert tags(other) == ["csat_1", "vip"]
    (letters,) = queue().dead
    assert (letters.channel, letters.tickets) == (Channel.ZENDESK, [number])
    assert letters.reason == "Zendesk refused: RecordNotFound"
    zendesk.desk.tickets[int(number)].status = "solved"
    with database.writing() as connection:
        requeue(connection, clock())
    assert send() == Sent(sent=1)
    assert tags(number) == ["csat_1", "vip"]


@on_sqlite
def test_a_later_change_stands_in_for_a_dead_letter(ticket, answer, settle, tags, zendesk, queue):
    number = ticket()
    zendesk.desk.tickets[int(number)].status = "deleted"
    answer(number, 1)
    settle()
    assert queue().dead_now == 1
    zendesk.desk.tickets[int(number)].status = "solved"
    answer(number, 3)
    settle()
    assert queue().dead == []
    assert tags(number) == ["csat_3", "vip"]


def test_zendesks_wish_for_a_pause_is_kept(ticket, answer, settle, send, clock, tags, zendesk):
    number = ticket()
    zendesk.behave(reply(429, {}, {"Retry-After": "120"}), 1)
    answer(number, 1)
    assert settle() == Sent(waiting=1)
    clock.advance(seconds=119)
    assert send() == Sent()
    clock.advance(seconds=1)
    assert send() == Sent(sent=1)
    assert tags(number) == ["csat_1", "vip"]


def test_while_zendesk_is_down_for_a_day_nothing_is_lost(
    ticket, answer, settle, send, clock, tags, notes, zendesk, queue
):
    numbers = [ticket() for _ in range(6)]
    zendesk.stop()
    for number in numbers:
        answer(number, 1, "slow")
        assert settle().dead == 0
    answer(numbers[0], 5, "slow")
    for _ in range(24):
        clock.advance(hours=1)
        assert send().sent == 0
    assert "cannot be reached" in queue().last_reason
    zendesk.start()
    for _ in range(2):
        clock.time += LONGEST_PAUSE
        send()
    assert [tags(number)[0] for number in numbers] == ["csat_5", *["csat_1"] * 5]
    assert [len(notes(number)) for number in numbers] == [1] * 6
    assert (queue().waiting, queue().dead) == (0, [])


@on_sqlite
@pytest.mark.parametrize(
    ("failure", "setting"),
    [
        (reply(401), "CSAT_ZENDESK_TOKEN"),
        (reply(404), "CSAT_ZENDESK_URL"),
        (reply(403), "administrator"),
    ],
)
def test_a_wrong_setting_kills_nothing_however_long_it_lasts(
    ticket, answer, settle, clock, zendesk, queue, failure, setting
):
    zendesk.behave(failure)
    for rating in (1, 2):
        answer(ticket(), rating, "slow")
    clock.time += 2 * GIVE_UP_AFTER
    assert settle() == Sent(waiting=2)
    assert setting in queue().last_reason
    assert len(zendesk.requests) == 1


@on_sqlite
def test_no_log_and_no_reason_holds_a_comment(ticket, answer, settle, zendesk, queue, caplog):
    number = ticket()
    zendesk.behave(reply(422, {"error": "my secret comment"}), to=f"/tickets/{number}.json")
    answer(number, 1, "my secret comment")
    settle()
    (letters,) = queue().dead
    assert letters.reason == "Zendesk answered 422"
    assert "secret" not in caplog.text


@on_sqlite
def test_much_is_written_in_portions(ticket, answer, settle, send, clock, notes, queue):
    numbers = [ticket() for _ in range(WRITES_AT_ONCE + 5)]
    for number in numbers:
        answer(number, 1, "slow")
    settle()
    written = [number for number in numbers if notes(number)]
    assert len(written) == WRITES_AT_ONCE - 1  # and one request of all tags
    assert send() == Sent()
    clock.time += PAUSE
    send()
    assert all(len(notes(number)) == 1 for number in numbers)
    assert queue().waiting == 0


@on_sqlite
def test_what_was_written_is_forgotten_after_a_while(ticket, answer, settle, database, clock):
    answer(ticket(), 1)
    settle()
    assert len(rows(database)) == 1
    clock.advance(days=1)
    with database.writing() as connection:
        assert prune(connection, clock(), 10) == 1
    assert rows(database) == []


class Killed(BaseException):
    """What no worker catches, like a kill."""


@pytest.mark.parametrize("method", ["replace_tags", "add_note"])
@pytest.mark.parametrize("is_accepted", [False, True])
def test_whenever_a_worker_dies_the_tag_is_right_and_the_note_stands_once(
    ticket, answer, settle, send, clock, tags, notes, monkeypatch, method, is_accepted
):
    real = getattr(ZendeskClient, method)

    def die(self, *given):
        if is_accepted:
            real(self, *given)
        raise Killed

    number = ticket()
    answer(number, 2, "slow & late {{x}}\n\n<b>why?</b> a.b")
    with monkeypatch.context() as patched:
        patched.setattr(ZendeskClient, method, die)
        with pytest.raises(Killed):
            settle()
    assert send() == Sent()  # until the lease ends, it may be being written
    clock.time += LEASE
    send()
    assert tags(number) == ["csat_2", "vip"]
    assert len(notes(number)) == 1


@pytest.mark.parametrize(
    ("database_url", "path"),
    [("sqlite", "update_many"), ("postgresql", "comments")],
    indirect=["database_url"],
)
def test_after_kill_9_of_csat_tick_nothing_is_lost_and_nothing_stands_twice(
    settings, database, ticket, answer, tags, notes, zendesk, clock, path, database_url
):
    clock.time = wall_clock()
    number = ticket()
    answer(number, 2, "slow")
    clock.time -= DELAY
    with database.writing() as connection:
        connection.execute(OutboxRow.__table__.update().values(available_at=clock()))
    zendesk.behave(hang(), 1, to=path)
    tick = subprocess.Popen(
        [sys.executable, "-P", "-m", "csat", "tick"],
        env=environment(
            CSAT_SECRET_KEY=SECRET_KEY,
            CSAT_DATABASE_URL=database_url,
            CSAT_ZENDESK_URL=zendesk.url,
            CSAT_ZENDESK_EMAIL=settings.zendesk_email,
            CSAT_ZENDESK_TOKEN=settings.zendesk_token.get_secret_value(),
            CSAT_ZENDESK_WRITE_BACK="tag+note",
            CSAT_SETTLING_DELAY="0s",
        ),
        stdout=subprocess.DEVNULL,
    )
    wait_until(lambda: any(path in each.path for each in zendesk.requests), 30)
    os.kill(tick.pid, signal.SIGKILL)
    tick.wait(30)
    clock.time += 2 * DELAY + LEASE
    send_due(database, settings, clock, channels=[Channel.ZENDESK])
    assert tags(number) == ["csat_2", "vip"]
    assert len(notes(number)) == 1


def test_of_several_machines_one_writes(ticket, answer, settings, database, clock, zendesk, notes):
    numbers = [ticket() for _ in range(4)]
    for number in numbers:
        answer(number, 1, "slow")
    clock.time += DELAY
    together = threading.Barrier(3)

    def run():
        together.wait(30)
        send_due(database, settings, clock, channels=[Channel.ZENDESK])

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [len(notes(number)) for number in numbers] == [1] * 4
    tagged = [each for each in changes(zendesk) if "update_many" in each.path]
    ids = [number for each in tagged for number in each.query["ids"].split(",")]
    assert sorted(ids, key=int) == numbers


def test_an_edit_while_the_tag_is_being_written_is_written_last(
    ticket, answer, database, settings, clock, tags, monkeypatch
):
    """Without a delay the edit is due at once, and another machine looks for work."""
    hasty = settings.model_copy(update={"settling_delay": timedelta(0)})
    number = ticket()
    answer(number, 1, settings=hasty)
    seen = []

    def replace_tags(self, *given, _real=ZendeskClient.replace_tags):
        if not seen:
            seen.append(given)
            clock.advance(seconds=1)
            answer(number, 5, settings=hasty)
            assert send_due(database, hasty, clock, channels=[Channel.ZENDESK]) == Sent()
        return _real(self, *given)

    monkeypatch.setattr(ZendeskClient, "replace_tags", replace_tags)
    assert send_due(database, hasty, clock, channels=[Channel.ZENDESK]) == Sent(sent=2)
    assert tags(number) == ["csat_5", "vip"]


def test_no_transaction_is_open_while_zendesk_is_spoken_to(
    ticket, answer, settle, database, clock, monkeypatch, tags
):
    def replace_tags(self, *given, _real=ZendeskClient.replace_tags):
        with database.writing() as connection:
            void_ticket(connection, "another", "x", clock())
        return _real(self, *given)

    number = ticket()
    monkeypatch.setattr(ZendeskClient, "replace_tags", replace_tags)
    answer(number, 1)
    settle()
    assert tags(number) == ["csat_1", "vip"]


@on_sqlite
def test_a_lost_answer_of_zendesks_is_a_repeat_of_the_tag_and_of_no_note(
    ticket, answer, settle, send, clock, tags, notes, zendesk
):
    number = ticket()
    zendesk.behave(reset(), 1, to="update_many")
    answer(number, 2, "slow")
    assert settle() == Sent(waiting=1)
    clock.time += LONGEST_PAUSE
    send()
    assert (tags(number), len(notes(number))) == (["csat_2", "vip"], 1)


class Tickets:
    """A help desk in memory, which takes what it is told, or not, by a script of failures."""

    def __init__(self, failures=(), refuses=lambda _ticket_id: None):
        self.tags = {}
        self.notes = {}
        self.calls = []
        self._failures = list(failures)
        self._refuses = refuses

    def replace_tags(self, ticket_ids, add, remove):
        def write():
            refused = {}
            for ticket_id in ticket_ids:
                failure = self._refuses(ticket_id)
                if failure:
                    refused[ticket_id] = failure
                else:
                    kept = self.tags.get(ticket_id, set()) - set(remove)
                    self.tags[ticket_id] = kept | set(add)
            return refused

        self.calls.append(list(ticket_ids))
        return self._do(write)

    def add_note(self, ticket_id, text):
        self._do(lambda: self.notes.setdefault(ticket_id, []).append(text))

    def _do(self, write):
        failure = self._failures.pop(0) if self._failures else "none"
        if failure == "before":
            raise DeliveryError(FailureKind.TRANSIENT, "away")
        done = write()
        if failure == "after":
            raise DeliveryError(FailureKind.TRANSIENT, "the answer was lost")
        return done


@pytest.fixture
def instead(monkeypatch):
    """Write to another help desk."""

    def instead(desk):
        monkeypatch.setattr(preparers, "ZendeskWriter", lambda _settings: desk)
        return desk

    return instead


@on_sqlite
def test_a_ticket_that_somebody_is_changing_is_tried_again(
    ticket, answer, settle, send, clock, instead
):
    number = ticket()
    failures = [DeliveryError(FailureKind.DEFERRED, "Zendesk refused: UpdateConflict"), None]
    desk = instead(Tickets(refuses=lambda _: failures.pop(0)))
    answer(number, 1)
    assert settle() == Sent(waiting=1)
    clock.time += LONGEST_PAUSE
    assert send() == Sent(sent=1)
    assert desk.tags == {number: {"csat_1"}}


@on_sqlite
def test_a_ticket_for_which_a_whole_request_is_refused_stands_alone(
    ticket, answer, settle, instead, queue
):
    class Strict(Tickets):
        def replace_tags(self, ticket_ids, add, remove):
            if numbers[1] in ticket_ids:
                self.calls.append(list(ticket_ids))
                raise DeliveryError(FailureKind.REJECTED, "Zendesk answered 400")
            return super().replace_tags(ticket_ids, add, remove)

    numbers = [ticket() for _ in range(3)]
    desk = instead(Strict())
    for number in numbers:
        answer(number, 1)
    assert settle() == Sent(sent=1, dead=1)
    assert desk.calls == [numbers, *([number] for number in numbers)]
    assert set(desk.tags) == {numbers[0], numbers[2]}
    assert queue().dead[0].tickets == [numbers[1]]


steps = st.lists(
    st.one_of(
        st.tuples(st.just("answer"), st.sampled_from("12"), st.integers(1, 5)),
        st.tuples(st.just("void"), st.sampled_from("12"), st.none()),
        st.tuples(st.just("wait"), st.none(), st.sampled_from([1, 9, 10, 30])),
        st.tuples(st.just("send"), st.none(), st.none()),
    ),
    max_size=14,
)


@hypothesis_settings(
    max_examples=examples(8),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(steps, st.lists(st.sampled_from(["none", "before", "after"]), max_size=8), st.booleans())
@on_sqlite
def test_in_the_end_each_ticket_has_the_tag_of_its_response(
    database, settings, instead, steps, failures, hasty
):
    """Whatever customers and operators do, and however often Zendesk fails."""
    with database.writing() as connection:
        for table in (OutboxRow, AnswerRow, ResponseRow, VoidRow, TicketRow):
            connection.execute(delete(table))
    clock, desk = Clock(), instead(Tickets(failures))
    if hasty:
        settings = settings.model_copy(update={"settling_delay": timedelta(0)})
    with database.writing() as connection:
        updates = [told_of(number, clock()) for number in "12"]
        save_updates(database, connection, updates, settings, clock())
    for step, ticket_id, value in steps:
        if step == "answer":
            form = fill_in(ticket_id, value)
            receive_all(database, settings, [Arrival(form, clock())])
        elif step == "void":
            with database.reading() as connection:
                change = unvoid if is_void(connection, ticket_id) else partial(void, force=True)
            change(database, settings, ticket_id, "a test", clock())
        elif step == "wait":
            clock.advance(minutes=value)
        else:
            send_due(database, settings, clock)
    for _ in range(12):
        clock.time += LONGEST_PAUSE
        send_due(database, settings, clock)
    with database.reading() as connection:
        responses = find_responses(connection, ["1", "2"])
        waiting = summarise_queue(connection, MESSAGES).waiting
    expected = {each: {RATING_TAGS[row.rating]} for each, row in responses.items()}
    assert {each: tags for each, tags in desk.tags.items() if tags} == expected
    assert waiting == 0
