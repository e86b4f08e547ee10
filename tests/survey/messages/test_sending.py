"""From a low rating to the team: through the outbox, once, and never of what is no longer true."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select

from survey.events import Questions
from survey.links import parse_link
from survey.messages import alert_preparer
from survey.messages.alerts import MOST_SHOWN
from survey.messages.mails import enqueue_mail, make_message_id
from survey.messages.plain_text import BREAK
from survey.messages.smtp import SmtpSender
from survey.messages.worker import GIVE_UP_AFTER, LEASE, LONGEST_PAUSE, Sent, pause_after, send_due
from survey.receive import Arrival, Submission, receive_all
from survey.store.models import Channel, OutboxRow
from survey.store.outbox import MESSAGES, requeue, summarise, summarise_queue
from survey.store.voids import void_ticket
from survey.vocabulary import Trust
from survey.voiding import unvoid
from tests.conftest import on_sqlite
from tests.support.mails import build_report

DELAY = timedelta(minutes=10)


@pytest.fixture
def answer(database, settings, clock):
    """Customers answer, all at once."""

    def answer(
        *ratings, ticket="42", team="surveys", comment=None, person="jane", settings=settings
    ):
        arrivals = []
        for number, rating in enumerate(ratings):
            each = ticket if len(ratings) == 1 else f"{ticket}-{number}"
            link = parse_link({"ticketId": each, "distinct_id": person, "team": team})
            submit_id = str(clock())
            form = Submission(link, Trust.UNVERIFIED, rating, comment, submit_id, Questions("How?"))
            arrivals.append(Arrival(form, clock()))
        receive_all(database, settings, arrivals)

    return answer


@pytest.fixture
def send(database, settings, clock):
    def send(**options):
        return send_due(database, settings, clock, **options)

    return send


def keys(database):
    with database.reading() as connection:
        found = select(OutboxRow.message_key).where(OutboxRow.message_key.is_not(None))
        return list(connection.scalars(found.order_by(OutboxRow.message_key)))


def queue(database):
    with database.reading() as connection:
        return summarise_queue(connection, MESSAGES)


def titles(webhook):
    return [post["blocks"][0]["text"]["text"] for post in webhook.posts]


def recipients(mails):
    return sorted(mail.recipient for mail in mails.mails)


def test_a_low_rating_reaches_the_team_after_the_delay(answer, send, clock, mails, webhook):
    answer(1, comment="slow")
    clock.time += DELAY - timedelta(seconds=1)
    assert send() == Sent()
    clock.advance(seconds=1)
    assert send() == Sent(sent=3)
    assert titles(webhook) == ["*Low rating for Surveys*"]
    assert recipients(mails) == ["lead@example.com", "team@example.com"]
    mail = mails.mails[0]
    assert mail.message["Subject"] == "Low rating for Surveys"
    assert "> slow" in mail.text
    assert "https://help.example.com/tickets/42" in mail.html
    clock.advance(days=1)
    assert send() == Sent()


def test_a_team_without_an_address_of_its_own_is_heard_of_by_those_of_all(
    answer, send, clock, mails
):
    answer(2, team="Sales & CS")
    clock.time += DELAY
    send()
    assert recipients(mails) == ["lead@example.com"]
    assert mails.mails[0].message["Subject"] == "Low rating for Sales & CS"


@pytest.mark.parametrize("rating", [3, 4, 5])
def test_other_ratings_raise_no_alert(answer, database, rating):
    answer(rating)
    assert keys(database) == []


def test_without_settings_nothing_is_enqueued(answer, database, settings):
    silent = settings.model_copy(update={"alert_webhook": None, "alert_recipients": {}})
    answer(1, settings=silent)
    assert keys(database) == []


def test_testers_raise_no_alert(answer, database, settings):
    answer(1, settings=settings.model_copy(update={"test_distinct_ids": frozenset({"jane"})}))
    assert keys(database) == []


def test_strangers_raise_no_alert(answer, database):
    answer(5)
    answer(1, person="eve")
    assert keys(database) == []


def test_an_alert_comes_once_for_a_response(answer, send, clock, webhook):
    answer(1)
    clock.advance(minutes=1)
    answer(2, comment="changed")
    clock.time += DELAY
    send()
    clock.advance(hours=1)
    answer(1, comment="changed again")
    clock.time += DELAY
    send()
    assert len(webhook.posts) == 1


def test_the_delay_begins_anew_with_each_change(answer, send, clock, webhook):
    answer(1)
    clock.advance(minutes=9)
    answer(1, comment="one thing more")
    clock.advance(minutes=9)
    send()
    assert webhook.posts == []
    clock.advance(minutes=1)
    send()
    assert "one thing more" in webhook.posts[0]["text"]


def test_a_rating_that_was_raised_in_time_is_no_alert(
    answer, send, clock, database, mails, webhook
):
    answer(1)
    clock.advance(minutes=1)
    answer(5)
    clock.time += DELAY
    assert send() == Sent()
    assert (webhook.posts, mails.mails, keys(database)) == ([], [], [])


def test_a_rating_that_was_lowered_is_an_alert(answer, send, clock, webhook):
    answer(5)
    clock.advance(minutes=1)
    answer(1)
    clock.time += DELAY
    send()
    assert len(webhook.posts) == 1


@pytest.mark.parametrize("is_sent_between", [False, True])
def test_a_rating_that_is_low_again_is_one_alert(answer, send, clock, webhook, is_sent_between):
    answer(1)
    clock.advance(minutes=1)
    answer(5)
    if is_sent_between:
        clock.time += DELAY
        send()
    clock.advance(minutes=1)
    answer(1)
    clock.time += DELAY
    send()
    clock.time += DELAY
    send()
    assert len(webhook.posts) == 1


def test_a_void_ticket_raises_no_alert_and_comes_back_without_one(
    answer, send, clock, database, settings, webhook
):
    answer(1)
    with database.writing() as connection:
        void_ticket(connection, "42", "a test", clock())
    clock.time += DELAY
    send()
    unvoid(database, settings, "42", "no test", clock())
    clock.time += DELAY
    send()
    assert (webhook.posts, keys(database)) == ([], [])


def test_several_alerts_of_a_team_are_one_message(answer, send, clock, mails, webhook):
    answer(1, 2, 1, 5)
    answer(2, team="experiments")
    clock.time += DELAY
    send()
    assert sorted(titles(webhook)) == [
        "*3 low ratings for Surveys*",
        "*Low rating for Experiments*",
    ]
    subjects = sorted((mail.recipient, mail.message["Subject"]) for mail in mails.mails)
    assert subjects == [
        ("lead@example.com", "3 low ratings for Surveys"),
        ("lead@example.com", "Low rating for Experiments"),
        ("team@example.com", "3 low ratings for Surveys"),
    ]


def test_very_many_alerts_fill_few_messages(answer, send, clock, database, webhook):
    answer(*[1] * 300, comment="x")
    clock.time += DELAY
    assert send() == Sent(sent=3)
    assert f"and {300 - MOST_SHOWN} more" in webhook.posts[0]["text"]
    assert queue(database).waiting == 0


def test_hostile_comments_reach_the_team_as_words(answer, send, clock, mails, webhook):
    answer(1, comment="<script>alert(1)</script> <!channel> @here https://evil.example.com \u202e")
    clock.time += DELAY
    send()
    said = webhook.posts[0]["text"]
    for forbidden in ("<!", "<script", "@here", "://evil", "\u202e"):
        assert forbidden not in said
    mail = mails.mails[0]
    assert "<script" not in mail.html
    assert "&lt;script&gt;" in mail.html
    assert "<script>alert(1)</script> <!channel> @here https://evil" in mail.text.replace(BREAK, "")


def test_what_was_not_accepted_waits_and_comes_later(answer, send, clock, database, webhook):
    webhook.refuse(503, "try later")
    answer(1)
    clock.time += DELAY
    assert send(channels=[Channel.ALERT_WEBHOOK]) == Sent(waiting=1)
    state = queue(database)
    assert (state.last_reason, state.error_message) == ("the webhook answered 503", "try later")
    clock.time += LONGEST_PAUSE
    assert send(channels=[Channel.ALERT_WEBHOOK]) == Sent(sent=1)


def test_a_wish_for_a_pause_is_kept(answer, send, clock, webhook):
    webhook.refuse(429, Retry_After="120")
    answer(1)
    clock.time += DELAY
    send()
    clock.advance(seconds=119)
    send()
    assert webhook.posts == []
    clock.advance(seconds=1)
    send()
    assert len(webhook.posts) == 1


def test_a_server_that_takes_nothing_is_asked_once(answer, send, clock, webhook):
    for _ in range(3):
        webhook.refuse(500)
    answer(1)
    answer(1, ticket="43", team="experiments")
    answer(1, ticket="44", team="sales_cs")
    clock.time += DELAY
    assert send(channels=[Channel.ALERT_WEBHOOK]) == Sent(waiting=3)
    assert len(webhook.answers) == 2


def test_a_refused_message_is_a_dead_letter_until_it_is_sent_again(
    answer, send, clock, database, webhook
):
    webhook.refuse(404, "no_service")
    answer(1)
    clock.time += DELAY
    assert send(channels=[Channel.ALERT_WEBHOOK]) == Sent(dead=1)
    (letters,) = queue(database).dead
    assert (letters.reason, letters.error_message) == ("the webhook answered 404", "no_service")
    assert letters.tickets == ["42"]
    clock.advance(days=1)
    assert send(channels=[Channel.ALERT_WEBHOOK]) == Sent()
    with database.writing() as connection:
        requeue(connection, clock())
    assert send(channels=[Channel.ALERT_WEBHOOK]) == Sent(sent=1)


def test_a_refused_recipient_keeps_the_mail_from_no_other(answer, send, clock, database, mails):
    mails.replies["team@example.com"] = "550 5.1.1 no such user"
    answer(1)
    clock.time += DELAY
    assert send(channels=[Channel.ALERT_MAIL]) == Sent(sent=1, dead=1)
    assert recipients(mails) == ["lead@example.com"]
    (letters,) = queue(database).dead
    assert letters.reason == "the mail server refused the recipient (550)"
    assert letters.error_message == "to team@example.com: 5.1.1 no such user"


def test_a_deferred_recipient_gets_the_mail_later_and_nobody_gets_it_twice(
    answer, send, clock, mails
):
    mails.replies["lead@example.com"] = "450 4.2.0 greylisted"
    answer(1)
    clock.time += DELAY
    assert send(channels=[Channel.ALERT_MAIL]) == Sent(sent=1, waiting=1)
    del mails.replies["lead@example.com"]
    clock.time += LONGEST_PAUSE
    assert send(channels=[Channel.ALERT_MAIL]) == Sent(sent=1)
    assert recipients(mails) == ["lead@example.com", "team@example.com"]


def test_what_is_deferred_for_days_becomes_a_dead_letter(answer, send, clock, mails):
    mails.replies["RCPT"] = "452 4.2.2 mailbox full"
    answer(1, team="experiments")
    clock.time += DELAY
    assert send(channels=[Channel.ALERT_MAIL]) == Sent(waiting=1)
    clock.time += GIVE_UP_AFTER
    assert send(channels=[Channel.ALERT_MAIL]) == Sent(waiting=0, dead=1)


def test_a_wrong_setting_kills_nothing_however_long_it_lasts(answer, send, clock, mails, database):
    mails.replies["MAIL"] = "553 not yours"
    answer(1)
    clock.time += DELAY + 2 * GIVE_UP_AFTER
    assert send(channels=[Channel.ALERT_MAIL]) == Sent(waiting=2)
    assert "check CSAT_MAIL_FROM" in queue(database).last_reason


def test_without_the_settings_of_a_channel_its_messages_wait(answer, clock, database, settings):
    answer(1)
    clock.time += DELAY
    bare = settings.model_copy(
        update={"alert_webhook": None, "smtp_url": None, "alert_recipients": {}}
    )
    assert send_due(database, bare, clock) == Sent()
    assert queue(database).waiting == 3


def test_who_gets_no_alerts_any_more_gets_none(answer, clock, database, settings, mails):
    answer(1)
    clock.time += DELAY
    fewer = settings.model_copy(update={"alert_recipients": {"all": ("lead@example.com",)}})
    send_due(database, fewer, clock, channels=[Channel.ALERT_MAIL])
    assert recipients(mails) == ["lead@example.com"]
    assert not any("team@example.com" in key for key in keys(database))


def test_nothing_is_claimed_when_it_is_to_stop(answer, send, clock):
    answer(1)
    clock.time += DELAY
    stop = threading.Event()
    stop.set()
    assert send(stop=stop) == Sent()
    assert send() == Sent(sent=3)


class Killed(BaseException):
    """What no worker catches, like a kill."""


def kill_while_sending(send, monkeypatch, channel):
    def die(self, content, recipient, _send=SmtpSender.send):
        _send(self, content, recipient)
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(SmtpSender, "send", die)
        with pytest.raises(Killed):
            send(channels=[channel])


def test_a_crash_after_the_acceptance_repeats_the_mail_under_its_message_id(
    database, settings, send, clock, mails, monkeypatch
):
    message = build_report(settings)
    with database.writing() as connection:
        enqueue_mail(
            connection,
            key="report",
            recipient="lead@example.com",
            message=message,
            now=clock(),
            again=False,
        )
    kill_while_sending(send, monkeypatch, Channel.MAIL)
    assert send() == Sent()  # until the lease ends, it may be being sent
    clock.time += LEASE
    assert send() == Sent(sent=1)
    first, second = mails.mails
    assert first.message["Message-ID"] == second.message["Message-ID"]
    assert first.message.as_bytes() == second.message.as_bytes()
    clock.advance(days=60)
    assert send() == Sent()


def test_after_a_crash_a_digest_is_the_same_digest_whatever_has_come_since(
    answer, send, clock, mails, monkeypatch
):
    answer(1, 2, team="experiments")
    clock.advance(seconds=80)
    answer(1, ticket="later", team="experiments")
    clock.time += DELAY - timedelta(seconds=80)
    kill_while_sending(send, monkeypatch, Channel.ALERT_MAIL)
    clock.time += LEASE
    assert send(channels=[Channel.ALERT_MAIL]) == Sent(sent=2)
    ids = [mail.message["Message-ID"] for mail in mails.mails]
    subjects = [mail.message["Subject"] for mail in mails.mails]
    assert subjects[0] == "2 low ratings for Experiments"
    assert sorted(subjects[1:]) == [
        "2 low ratings for Experiments",
        "Low rating for Experiments",
    ]
    assert ids.count(ids[0]) == 2
    assert len(set(ids)) == 2


def test_no_transaction_is_open_while_a_server_is_spoken_to(answer, send, clock, database, mails):
    def write():
        with database.writing() as connection:
            void_ticket(connection, "another", "x", clock())

    mails.on_acceptance = write
    answer(1, team="experiments")
    clock.time += DELAY
    assert send(channels=[Channel.ALERT_MAIL]) == Sent(sent=1)


def test_of_several_machines_one_sends(answer, database, settings, clock, webhook, mails):
    answer(1)
    clock.time += DELAY
    together = threading.Barrier(3)
    totals = []

    def run():
        together.wait(30)
        totals.append(send_due(database, settings, clock))

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sum(total.sent for total in totals) == 3
    assert (len(webhook.posts), len(mails.mails)) == (1, 2)


def test_a_low_rating_that_comes_while_the_alert_is_withdrawn_is_not_lost(
    answer, send, clock, webhook, monkeypatch
):
    answer(1)
    clock.advance(minutes=1)
    answer(5)
    clock.time += DELAY
    customer = threading.Thread(target=answer, args=(1,))

    def find_responses(connection, tickets, _find=alert_preparer.find_responses):
        found = _find(connection, tickets)
        customer.start()
        customer.join(0.3)
        assert customer.is_alive()  # it waits for the ticket
        return found

    with monkeypatch.context() as patched:
        patched.setattr(alert_preparer, "find_responses", find_responses)
        send(channels=[Channel.ALERT_WEBHOOK])
    customer.join(30)
    clock.time += DELAY
    send(channels=[Channel.ALERT_WEBHOOK])
    assert len(webhook.posts) == 1


@on_sqlite
def test_an_error_that_nobody_expects_delays_only_its_message(
    answer, send, clock, database, monkeypatch
):
    def fail(self, content, recipient, _send=SmtpSender.send):
        if recipient == "lead@example.com":
            raise KeyError("a comment")
        _send(self, content, recipient)

    monkeypatch.setattr(SmtpSender, "send", fail)
    answer(1)
    clock.time += DELAY
    assert send(channels=[Channel.ALERT_MAIL]) == Sent(sent=1, waiting=1)
    assert queue(database).last_reason == "sending failed: KeyError"


@on_sqlite
def test_messages_leave_the_figures_of_events_alone(answer, send, clock, database):
    answer(1)
    clock.time += DELAY
    send()
    with database.reading() as connection:
        state = summarise(connection, clock())
    assert (state.waiting, state.delivered, state.dead) == (1, 0, [])


def test_pauses_grow_with_the_time_that_was_waited():
    for waited in (0, 30, 100, 10_000, 10**6):
        pause = pause_after(timedelta(seconds=waited), None)
        ceiling = min(max(waited, 30), LONGEST_PAUSE.total_seconds())
        assert ceiling / 2 <= pause.total_seconds() <= ceiling
    assert pause_after(timedelta(0), 10**9) == LONGEST_PAUSE


def test_the_message_id_of_an_alert_is_that_of_its_rows(answer, send, clock, mails, settings):
    answer(1)
    clock.time += DELAY
    send(channels=[Channel.ALERT_MAIL])
    ids = {mail.message["Message-ID"] for mail in mails.mails}
    assert len(ids) == 2  # one for each recipient
    assert make_message_id("anything", settings) not in ids
