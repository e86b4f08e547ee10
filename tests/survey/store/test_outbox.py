"""The outbox table: claimed with a lease, marked, never lost."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import event, select

from survey.store import outbox
from survey.store.database import Database
from survey.store.messages import (
    NewMessage,
    add_message_again,
    add_messages,
    claim_messages,
    mark_dead,
    mark_sent,
    remove_others,
)
from survey.store.models import Channel, OutboxRow
from survey.store.outbox import MESSAGES
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
        outbox.DeadLetters(Channel.POSTHOG, "too large", 1, ids[:1], ["0"], "1 MB at most")
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


def test_waiting_events_are_found_by_their_index_whatever_the_table_holds(database, clock, fill):
    fill(1)
    with database.claiming() as connection:
        claim = explain(
            connection,
            lambda: outbox.claim(connection, clock(), LEASE, 100, 10**6),
            "SELECT outbox.",
        )
        messages = explain(connection, lambda: claim_mails(connection, clock), "SELECT outbox.")
        tickets = explain(connection, lambda: claim_tickets(connection, clock), "SELECT outbox.")
        waiting = explain(connection, lambda: outbox.has_waiting(connection), "SELECT outbox.")
    for plan in (claim, messages, tickets, waiting):
        assert "ix_outbox_waiting" in plan
        assert "sort" not in plan.lower()
    for plan in (claim, tickets):
        assert "ix_outbox_waiting_ticket" in plan


def test_delivered_events_to_prune_are_found_by_their_index(database, clock):
    with database.claiming() as connection:
        plan = explain(connection, lambda: outbox.prune(connection, clock(), 100), "DELETE")
    assert "ix_outbox_delivered" in plan
    assert "sort" not in plan.lower()


def test_messages_are_no_events(database, clock, fill):
    fill(1)
    new = [NewMessage(f"m{n}", channel, "0", "{}", clock()) for n, channel in enumerate(MESSAGES)]
    with database.writing() as connection:
        add_messages(connection, new, clock())
        (claimed,) = outbox.claim(connection, clock(), LEASE, 100, 10**6)
        outbox.mark_delivered(connection, [claimed.id], clock())
        messages = [row.id for row in connection.execute(select(OutboxRow)) if row.id != claimed.id]
        mark_dead(connection, messages[:1], clock(), "the webhook answered 404", "no_service")
        mark_sent(connection, messages[1:2], clock())
        assert not outbox.has_waiting(connection)
        assert outbox.has_waiting(connection, Channel.MAIL)
    state = summary(database, clock)
    assert (state.waiting, state.delivered, state.dead, state.dead_total) == (0, 1, [], 0)
    with database.reading() as connection:
        queue = outbox.summarise_queue(connection, MESSAGES)
    assert queue.waiting_by_channel == dict.fromkeys(MESSAGES[2:], 1)
    assert (queue.waiting, queue.dead_now) == (len(MESSAGES) - 2, 1)
    assert queue.dead[0].reason == "the webhook answered 404"


def test_pruning_leaves_the_record_of_sent_messages_without_what_they_said(database, clock, fill):
    fill(1)
    message = NewMessage("report", Channel.MAIL, "", "secret", clock())
    with database.writing() as connection:
        add_messages(connection, [message], clock())
        (claimed,) = claim_mails(connection, clock)
        mark_sent(connection, [claimed.id], clock())
        events = outbox.claim(connection, clock(), LEASE, 100, 10**6)
        outbox.mark_delivered(connection, [event.id for event in events], clock())
        clock.advance(days=365)
        assert outbox.prune(connection, clock(), 100) == 1
        assert add_messages(connection, [message], clock()) == 0
        assert list(connection.scalars(select(OutboxRow.payload))) == [""]


def test_pruning_forgets_what_was_written_to_tickets(database, clock, fill):
    fill(2)
    rows = [NewMessage(f"t{n}", Channel.ZENDESK, str(n), "", clock()) for n in range(2)]
    with database.writing() as connection:
        add_messages(connection, rows, clock())
        events = outbox.claim(connection, clock(), LEASE, 100, 10**6)
        outbox.mark_delivered(connection, [event.id for event in events], clock())
        mark_sent(connection, [each.id for each in claim_tickets(connection, clock)], clock())
        clock.advance(days=365)
        assert [outbox.prune(connection, clock(), 3) for _ in range(2)] == [3, 1]


def test_of_a_ticket_at_zendesk_only_the_first_waiting_row_is_claimed(database, clock):
    rows = [NewMessage(f"t{n}", Channel.ZENDESK, "42", str(n), clock()) for n in range(2)]
    other = NewMessage("other", Channel.ZENDESK, "43", "other", clock())
    with database.writing() as connection:
        add_messages(connection, [*rows, other], clock())
        first = claim_tickets(connection, clock)
        assert [each.payload for each in first] == ["0", "other"]
        assert claim_tickets(connection, clock) == []
        mark_sent(connection, [first[0].id], clock())
        assert [each.payload for each in claim_tickets(connection, clock)] == ["1"]


def test_a_row_stands_in_for_others_of_its_ticket_and_kind_alone(database, clock):
    keys = ["tag:1", "tag:2", "tag:3", "note:1"]
    rows = [NewMessage(key, Channel.ZENDESK, "42", "", clock()) for key in keys]
    rows += [
        NewMessage("tag:4", Channel.ZENDESK, "43", "", clock()),
        NewMessage("tag:5", Channel.MAIL, "42", "", clock()),
    ]
    with database.writing() as connection:
        add_messages(connection, rows, clock())
        ids = {row.message_key: row.id for row in connection.execute(select(OutboxRow.__table__))}
        mark_dead(connection, [ids["tag:2"]], clock(), "refused", "")
        mark_sent(connection, [ids["tag:3"]], clock())
        (first, _) = claim_tickets(connection, clock)
        assert first.key == "tag:1"
        remove_others(connection, [first], "tag:")
        left = set(connection.scalars(select(OutboxRow.message_key)))
    assert left == {"tag:1", "tag:3", "note:1", "tag:4", "tag:5"}


def test_a_message_is_claimed_when_it_is_due_however_far_ahead_that_was(database, clock):
    message = NewMessage("m", Channel.MAIL, "", "{}", clock() + timedelta(hours=1))
    with database.writing() as connection:
        add_messages(connection, [message], clock())
        assert claim_mails(connection, clock) == []
        clock.advance(hours=1)
        assert [claimed.key for claimed in claim_mails(connection, clock)] == ["m"]
        assert claim_mails(connection, clock) == []


def test_a_message_from_before_the_clock_was_set_back_does_not_wait_for_ever(database, clock):
    with database.writing() as connection:
        add_messages(connection, [NewMessage("m", Channel.MAIL, "", "{}", clock())], clock())
        clock.advance(days=-1)
        assert [claimed.key for claimed in claim_mails(connection, clock)] == ["m"]


def test_messages_of_a_ticket_do_not_wait_for_each_other(database, clock):
    new = [NewMessage(key, Channel.MAIL, "", "{}", clock()) for key in ("a", "b")]
    with database.writing() as connection:
        add_messages(connection, new, clock())
        assert [claimed.key for claimed in claim_mails(connection, clock)] == ["a", "b"]


@pytest.mark.parametrize("how", ["sent", "dead", "waiting"])
def test_a_message_again_waits_with_new_content_unless_it_waits_already(database, clock, how):
    first = NewMessage("report", Channel.MAIL, "", "first", clock())
    with database.writing() as connection:
        add_messages(connection, [first], clock())
        (claimed,) = claim_mails(connection, clock)
        if how == "sent":
            mark_sent(connection, [claimed.id], clock())
        elif how == "dead":
            mark_dead(connection, [claimed.id], clock(), "refused", "")
        is_again = add_message_again(connection, replace(first, payload="second"), clock())
        assert is_again == (how != "waiting")
        claims = claim_mails(connection, clock)
    assert [claimed.payload for claimed in claims] == (["second"] if is_again else [])


def claim_mails(connection, clock, channel=Channel.MAIL):
    return claim_messages(
        connection,
        channel,
        now=clock(),
        lease=LEASE,
        longest_hold=timedelta(hours=2),
        max_messages=10,
    )


def claim_tickets(connection, clock):
    return claim_mails(connection, clock, Channel.ZENDESK)


def explain(connection, action, verb):
    """The plan of the first statement of a kind that an action makes, on either database."""
    statements = []

    def remember(_connection, _cursor, statement, parameters, _context, _many):
        if statement.startswith(verb):
            statements.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", remember)
    action()
    event.remove(connection, "before_cursor_execute", remember)
    statement, parameters = statements[0]
    how = "EXPLAIN QUERY PLAN" if connection.dialect.name == "sqlite" else "EXPLAIN"
    plan = connection.exec_driver_sql(f"{how} {statement}", parameters)
    return " ".join(str(row) for row in plan)
