"""The hand-over after an erasure: who gets it, once, and that it names nobody."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import update

from survey.messages.handover import MOST_TICKETS, SUBJECT, HandOver, compose_text, queue_handover
from survey.messages.jobs import send_messages
from survey.store.models import ErasureRow, OutboxRow
from tests.conftest import on_sqlite
from tests.support.erased import erase_person
from tests.support.rows import rows
from tests.support.settings import make_settings

JANE = "jane@example.com"
ADDRESSES = ["ada@example.com", "tom@example.com"]


@pytest.fixture
def settings(database_url, mails):
    return make_settings(
        database_url=database_url,
        smtp_url=mails.url,
        mail_from="csat@example.com",
        erasure_recipients=",".join(ADDRESSES),
        ticket_url="https://help.example.com/{ticket_id}",
    )


@pytest.fixture
def pseudonym(database, clock):
    counts = json.dumps({"answers": 1200, "page_views": 2, "marks": 0})
    return erase_person(database, JANE, clock(), counts=counts)


@pytest.fixture
def hand_over(database, settings, pseudonym, clock):
    def hand_over(*tickets, settings=settings):
        queue_handover(database, settings, pseudonym, tickets, clock())
        send_messages(database, settings, clock())

    return hand_over


def text_of(mail):
    return mail.text.replace("\r\n", "\n")


def test_everybody_gets_it_once_under_one_message_id(database, hand_over, mails, pseudonym, clock):
    hand_over("42")
    assert sorted(mail.recipient for mail in mails.mails) == ADDRESSES
    (message_id,) = {mail.message["Message-ID"] for mail in mails.mails}
    for mail in mails.mails:
        assert mail.message["Subject"] == SUBJECT
        assert mail.message["To"] == mail.recipient
        assert mail.message["Auto-Submitted"] == "auto-generated"
    clock.advance(hours=1)
    hand_over("42")
    assert len(mails.mails) == 2
    # A later run that erased more is told, too.
    with database.writing() as connection:
        connection.execute(update(ErasureRow).values(counts='{"answers": 1201}'))
    hand_over("42", "43")
    assert len(mails.mails) == 4
    assert mails.mails[-1].message["Message-ID"] != message_id
    assert pseudonym in mails.mails[-1].text


@on_sqlite
def test_it_says_what_was_done_and_what_is_left(hand_over, mails):
    hand_over("43", "42")
    text = text_of(mails.mails[0])
    assert "on 2026-10-14 at 10:30\n(Europe/London). It was confirmed by Ada Lovelace." in text
    assert "Erased: answers 1,200, page views 2.\n" in text
    assert "Their tickets, 2:\n  42  https://help.example.com/42\n  43  https" in text
    tasks = [line.split(":")[0] for line in text.splitlines() if line.startswith("- ")]
    assert tasks == [
        "- Zendesk", "- PostHog", "- Export files", "- Backups", "- Mailboxes and chats",
    ]  # fmt: skip
    assert "- PostHog: it was not asked" in text
    assert max(map(len, text.splitlines())) <= 78


@on_sqlite
def test_what_posthog_was_asked_is_said(database, hand_over, mails, clock):
    with database.writing() as connection:
        connection.execute(update(ErasureRow).values(requested_at=clock()))
    hand_over()
    assert "- PostHog: it was asked on 2026-10-14" in mails.mails[0].text
    assert "Their tickets" not in mails.mails[0].text


@on_sqlite
def test_a_ticket_whose_id_names_the_person_is_counted(hand_over, mails):
    hand_over(JANE, "42", "7" * 21)
    (text,) = {text_of(mail) for mail in mails.mails}
    assert "Their tickets, 3:\n  42  https://help.example.com/42\n  and 2 more\n" in text
    assert JANE not in text


def told(**given):
    values = {"pseudonym": "erased:0", "confirmed_by": "Ada", "counts": {}, "asked_at": None}
    return HandOver(**{**values, "tickets": (), **given})


def test_of_many_tickets_the_first_are_shown(clock):
    tickets = [str(number) for number in range(MOST_TICKETS + 3)]
    text = compose_text(told(at=clock(), tickets=tickets), make_settings())
    assert f"  {MOST_TICKETS - 1}\n  and 3 more\n" in text
    assert "nothing was found here" in text
    assert "Their tickets: 1.\n" in compose_text(told(at=clock(), tickets=[JANE]), make_settings())


def test_who_confirmed_it_cannot_write_further_lines(clock):
    text = compose_text(told(at=clock(), confirmed_by="Ada\n\n- Bob\x1b[2J"), make_settings())
    assert "confirmed by Ada - Bob?[2J." in " ".join(text.split())


@on_sqlite
def test_the_time_of_an_erasure_is_not_in_the_future(database, hand_over, mails, clock):
    with database.writing() as connection:
        connection.execute(update(ErasureRow).values(erased_at=clock() + timedelta(days=9)))
    hand_over()
    assert "on 2026-10-14 at 10:30" in mails.mails[0].text


@on_sqlite
def test_nobody_is_told_where_nobody_is_named(database, hand_over, settings):
    hand_over("42", settings=settings.model_copy(update={"erasure_recipients": ()}))
    assert rows(database, OutboxRow) == []
