"""From a solved ticket to its invitation: once, after the delay, and the reasons why not."""

import json
import threading
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from survey.invitations import inviting
from survey.invitations.inviting import decide_due
from survey.messages.worker import LONGEST_PAUSE, Sent
from survey.store.changes import day_versions
from survey.store.inviting import save_unsubscribed
from survey.store.models import OutboxRow
from survey.store.outbox import MESSAGES, requeue, summarise_queue
from survey.store.tickets import set_plan
from survey.vocabulary import InvitationOutcome, Plan, TicketStatus
from survey.zendesk.tickets import SURVEYED_TAG
from tests.conftest import on_sqlite
from tests.support.help_desk import AT, DELAY, ticket_update


def recipients(mails):
    return [mail.recipient for mail in mails.mails]


def everything(database):
    """All that the store holds of tickets, invitations and messages, as text."""
    with database.reading() as connection:
        return [
            str(row)
            for table in ("tickets", "invitations", "outbox")
            for row in connection.execute(text(f"SELECT * FROM {table}"))
        ]


def test_a_customer_is_asked_once_after_the_delay(invitations, clock, mails):
    invitations.solve("1")
    clock.time += DELAY - timedelta(seconds=1)
    assert invitations.decide() is None
    clock.advance(seconds=1)
    assert invitations.decide() == "invitations: 1 to ask"
    assert invitations.outcome() == "queued"
    assert invitations.send() == Sent(sent=1)
    assert recipients(mails) == ["jane@example.com"]
    kept = invitations.invitation()
    assert (kept.outcome, kept.means, kept.asked_at) == ("sent", "smtp", clock())
    assert (kept.team, kept.plan, kept.language) == ("surveys", "scale", "de")
    for _ in range(3):
        clock.advance(days=40)
        invitations.solve("1")
        clock.time += DELAY
        assert invitations.tick() == Sent()
    assert len(mails.mails) == 1


def test_identity_leaves_the_outbox_and_the_ticket_when_the_mail_is_sent(
    invitations, clock, database
):
    invitations.solve("1")
    clock.time += DELAY
    invitations.decide()
    assert any("jane@example.com" in row for row in everything(database))
    invitations.send()
    assert not any("jane@example.com" in row for row in everything(database))
    assert invitations.ticket().customer is not None


REASONS = {
    "excluded": {"tags": frozenset({"spam"})},
    "sampled_out": {"priority": "low"},
    "no_address": {"requester_email": None},
    "asked": {"tags": frozenset({SURVEYED_TAG})},
}


def test_the_reason_for_each_ticket_that_is_not_asked_is_kept(invitations, clock, database, mails):
    invitations.settings = invitations.settings.model_copy(
        update={"invite_excluded_tags": ("spam",), "invite_sample": {Plan.PAYGO: 0}}
    )
    for ticket_id, given in REASONS.items():
        invitations.solve(ticket_id, requester_external_id=ticket_id, **given)
    invitations.solve("unsubscribed", requester_external_id="sam")
    with database.writing() as connection:
        save_unsubscribed(connection, invitations.ticket("unsubscribed").customer, clock())
    long_ago = clock() - timedelta(days=15)
    invitations.solve("too_old", updated_at=long_ago, solved_at=long_ago)
    invitations.solve("reopened", requester_external_id="r")
    clock.advance(hours=1)
    invitations.tell(ticket_update("reopened", status=TicketStatus.OPEN, updated_at=clock()))
    clock.time += DELAY
    assert invitations.decide() == (
        "invitations: 1 asked by the help desk, 6 not asked (1 reopened, 1 too_old, 1 excluded, "
        "1 sampled_out, 1 unsubscribed, 1 no_address)"
    )
    expected = (*REASONS, "unsubscribed", "too_old", "reopened")
    assert {each: invitations.outcome(each) for each in expected} == {e: e for e in expected}
    assert not any("jane@example.com" in row for row in everything(database))
    assert invitations.tick() == Sent()
    assert mails.mails == []


def test_a_ticket_that_is_solved_again_is_decided_again(invitations, clock):
    invitations.solve("1")
    clock.advance(hours=1)
    invitations.tell(ticket_update("1", status=TicketStatus.OPEN, updated_at=clock()))
    clock.time += DELAY
    invitations.tick()
    assert invitations.outcome() == "reopened"
    clock.advance(hours=1)
    invitations.solve("1")
    clock.time += DELAY - timedelta(seconds=1)
    invitations.tick()
    assert invitations.outcome() == "reopened"
    clock.advance(seconds=1)
    assert invitations.tick() == Sent(sent=1)
    assert invitations.outcome() == "sent"


def test_of_two_tickets_of_a_customer_one_is_asked_about(invitations, clock):
    invitations.solve("1", "2")
    clock.time += DELAY
    assert invitations.tick() == Sent(sent=1)
    assert invitations.tick() == Sent()
    assert (invitations.outcome("1"), invitations.outcome("2")) == ("sent", "cooldown")
    clock.advance(days=30)
    invitations.solve("3")
    clock.time += DELAY
    assert invitations.tick() == Sent(sent=1)


def test_when_a_mail_is_refused_the_other_ticket_of_the_customer_is_asked_about(
    invitations, clock, mails, database
):
    mails.replies["old@example.com"] = "550 5.1.1 no such user"
    invitations.solve("1", requester_email="old@example.com")
    invitations.solve("2")
    clock.time += DELAY
    assert invitations.tick() == Sent(dead=1)
    with database.reading() as connection:
        (letters,) = summarise_queue(connection, MESSAGES).dead
    assert letters.reason == "the mail server refused the recipient (550)"
    assert (letters.tickets, invitations.outcome("1")) == (["1"], "queued")
    assert invitations.tick() == Sent(sent=1)
    assert recipients(mails) == ["jane@example.com"]
    # The first one is sent again by hand, too soon.
    with database.writing() as connection:
        requeue(connection, clock())
    assert invitations.tick() == Sent()
    assert invitations.outcome("1") == "cooldown"


def test_who_unsubscribes_while_the_mail_waits_gets_none(invitations, clock, database, mails):
    invitations.solve("1")
    clock.time += DELAY
    invitations.decide()
    with database.writing() as connection:
        save_unsubscribed(connection, invitations.ticket().customer, clock())
    assert invitations.send() == Sent()
    assert (invitations.outcome(), mails.mails) == ("unsubscribed", [])


def test_a_ticket_that_is_solved_again_while_its_mail_waits_is_asked_about_later(
    invitations, clock, mails
):
    mails.replies["RCPT"] = "450 4.2.0 greylisted"
    invitations.solve("1")
    clock.time += DELAY
    assert invitations.tick() == Sent(waiting=1)
    mails.replies.clear()
    clock.advance(hours=1)
    invitations.tell(ticket_update("1", status=TicketStatus.OPEN, updated_at=clock()))
    clock.advance(hours=1)
    invitations.solve("1")
    assert invitations.tick() == Sent()
    assert invitations.outcome() is None
    clock.time += DELAY
    assert invitations.tick() == Sent(sent=1)
    assert recipients(mails) == ["jane@example.com"]


@on_sqlite
def test_a_ticket_that_is_open_again_while_its_mail_waits_gets_none(invitations, clock, mails):
    invitations.solve("1")
    clock.time += DELAY
    invitations.decide()
    invitations.tell(ticket_update("1", status=TicketStatus.OPEN, updated_at=clock()))
    assert invitations.send() == Sent()
    assert (invitations.outcome(), mails.mails) == ("reopened", [])


@pytest.mark.parametrize("invite", ["off", "smtp"])
def test_who_was_asked_by_the_help_desk_is_known_by_the_tag(invitations, clock, mails, invite):
    invitations.settings = invitations.settings.model_copy(update={"invite": invite})
    invitations.solve("1", tags=frozenset({SURVEYED_TAG}))
    solved_at = clock()
    invitations.decide()
    kept = invitations.invitation()
    assert (kept.outcome, kept.means, kept.asked_at) == ("asked", "tag", solved_at + DELAY)
    assert kept.customer == invitations.ticket().customer
    # It counts for the cooldown, too.
    invitations.solve("2")
    clock.time += DELAY
    invitations.tick()
    assert invitations.outcome("2") == (None if invite == "off" else "cooldown")
    assert mails.mails == []


@on_sqlite
def test_a_ticket_that_the_help_desk_asked_about_after_we_did_not_is_known_as_asked(
    invitations, clock
):
    invitations.solve("1", requester_email=None)
    clock.time += DELAY
    invitations.decide()
    assert invitations.outcome() == "no_address"
    invitations.tell(ticket_update("1", updated_at=clock(), tags=frozenset({SURVEYED_TAG})))
    invitations.decide()
    assert invitations.invitation().means == "tag"


@on_sqlite
def test_a_plan_corrected_by_hand_decides(invitations, clock, database):
    invitations.settings = invitations.settings.model_copy(
        update={"invite_sample": {Plan.PAYGO: 0}}
    )
    invitations.solve("1", priority="low")
    with database.writing() as connection:
        set_plan(connection, "1", Plan.ENTERPRISE)
    clock.time += DELAY
    assert invitations.tick() == Sent(sent=1)
    assert invitations.invitation().plan == "enterprise"


def test_many_tickets_are_decided_in_batches(invitations, clock, monkeypatch):
    monkeypatch.setattr(inviting, "BATCH", 3)
    invitations.solve(
        *[str(number) for number in range(10)], requester_email=None, requester_external_id=None
    )
    clock.time += DELAY
    assert invitations.decide() == "invitations: 10 not asked (10 no_address)"
    assert invitations.decide() is None


@on_sqlite
def test_a_trial_keeps_nothing_and_asks_a_customer_once(invitations, clock, database):
    invitations.solve("1", "2")
    clock.time += DELAY
    before = everything(database)
    decided = decide_due(database, invitations.settings, clock(), is_trial=True)
    assert decided.outcomes == {"1": InvitationOutcome.QUEUED}
    assert everything(database) == before
    assert invitations.send() == Sent()


@on_sqlite
def test_switched_off_nobody_is_asked_and_switched_on_nobody_old(invitations, clock):
    off = invitations.settings.model_copy(update={"invite": "off"})
    on, invitations.settings = invitations.settings, off
    invitations.solve("1")
    clock.time += DELAY
    assert invitations.tick() == Sent()
    assert invitations.outcome() is None
    clock.advance(days=100)
    invitations.solve("2", requester_external_id="sam")
    clock.time += DELAY
    invitations.settings = on
    assert invitations.tick() == Sent(sent=1)
    assert (invitations.outcome("1"), invitations.outcome("2")) == ("too_old", "sent")


@on_sqlite
def test_what_waits_is_not_sent_while_invitations_are_off(invitations, clock):
    invitations.solve("1")
    clock.time += DELAY
    invitations.decide()
    on = invitations.settings
    invitations.settings = on.model_copy(update={"invite": "off"})
    assert invitations.send() == Sent()
    invitations.settings = on
    assert invitations.send() == Sent(sent=1)


def test_of_several_machines_one_asks(invitations, clock, mails):
    people = [f"customer-{number}" for number in range(6)]
    for person in people:
        invitations.solve(f"{person}/1", f"{person}/2", requester_external_id=person)
    clock.time += DELAY
    together = threading.Barrier(3)
    totals = []

    def run():
        together.wait(30)
        totals.append(invitations.tick())

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    invitations.tick()
    assert sum(total.sent for total in totals) == len(mails.mails) == len(people)
    ids = {mail.message["Message-ID"] for mail in mails.mails}
    assert len(ids) == len(people)


@on_sqlite
def test_an_outage_of_the_mail_server_loses_nothing(invitations, clock, mails):
    mails.replies["MAIL"] = "421 closing"
    invitations.solve("1")
    clock.time += DELAY
    assert invitations.tick() == Sent(waiting=1)
    mails.replies.clear()
    clock.time += LONGEST_PAUSE
    assert invitations.tick() == Sent(sent=1)


@on_sqlite
def test_the_row_of_the_outbox_says_what_is_needed_to_send_it(invitations, clock, database):
    invitations.solve("1", language="pt", requester_external_id="x" * 201)
    clock.time += DELAY
    invitations.decide()
    with database.reading() as connection:
        key, payload = connection.execute(select(OutboxRow.message_key, OutboxRow.payload)).one()
    assert key == "invitation:1"
    assert json.loads(payload) == {
        "ticket_id": "1",
        "recipient": "jane@example.com",
        "customer": invitations.ticket().customer,
        "language": "pt-BR",
        "team": "surveys",
        # No link can carry a longer one.
        "external_id": "",
    }


@on_sqlite
def test_reports_notice_every_change_of_who_was_asked(invitations, clock, database):
    """A cache of a day is never stale: its version grows with each change."""

    def version():
        with database.reading() as connection:
            return sum(day_versions(connection, AT.date(), AT.date().replace(year=2030)).values())

    versions = [version()]
    invitations.solve("1")
    clock.time += DELAY
    for step in (invitations.decide, invitations.send):
        step()
        versions.append(version())
    invitations.solve("2", requester_external_id="sam", tags=frozenset({SURVEYED_TAG}))
    invitations.decide()
    versions.append(version())
    assert versions == sorted(set(versions))
    invitations.tick()
    assert version() == versions[-1]
