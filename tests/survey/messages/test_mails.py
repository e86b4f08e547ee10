"""Mails in the outbox: each once under its key, whole, and with one Message-ID."""

import pytest
from sqlalchemy import select

from survey.messages.mails import Mail, enqueue_mail, make_message_id
from survey.settings import SettingsError
from survey.store.models import OutboxRow
from tests.support.mails import build_report
from tests.support.settings import make_settings

SETTINGS = make_settings(smtp_url="smtp://127.0.0.1", mail_from="csat@example.com")
LEAD = "lead@example.com"


def enqueue(database, clock, subject="Report", again=False, key="report"):
    with database.writing() as connection:
        return enqueue_mail(
            connection,
            key=key,
            recipient=LEAD,
            message=build_report(SETTINGS, subject, key),
            now=clock(),
            again=again,
        )


def waiting_subjects(database):
    with database.reading() as connection:
        payloads = connection.scalars(select(OutboxRow.payload))
        return [
            line
            for payload in payloads
            for line in Mail.from_payload(payload).content.splitlines()
            if line.startswith("Subject: ")
        ]


def test_a_key_is_put_there_once(database, clock):
    assert enqueue(database, clock)
    assert not enqueue(database, clock, "another")
    assert enqueue(database, clock, "other key", key="other")
    assert waiting_subjects(database) == ["Subject: Report", "Subject: other key"]


def test_again_leaves_a_mail_that_still_waits_as_it_is(database, clock):
    enqueue(database, clock)
    assert not enqueue(database, clock, "another", again=True)
    assert waiting_subjects(database) == ["Subject: Report"]


def test_again_puts_there_what_never_was(database, clock):
    assert enqueue(database, clock, again=True)


def test_a_mail_without_message_id_is_a_mistake_of_ours(database, clock):
    message = build_report(SETTINGS)
    del message["Message-ID"]
    with database.writing() as connection, pytest.raises(ValueError, match="no Message-ID"):
        enqueue_mail(connection, key="k", recipient=LEAD, message=message, now=clock(), again=False)


def test_a_mail_is_kept_in_ascii():
    mail = Mail.of(build_report(SETTINGS, "Wütend 🦔"), LEAD)
    assert mail.content.isascii()
    assert Mail.from_payload(mail.to_payload()) == mail


def test_a_message_id_is_the_same_for_what_it_is_about_and_for_nothing_else():
    one = make_message_id("report:2026-10:lead@example.com", SETTINGS)
    assert one == make_message_id("report:2026-10:lead@example.com", SETTINGS)
    assert one.endswith("@example.com>")
    other_site = SETTINGS.model_copy(update={"base_url": "https://staging.example.com"})
    assert (
        len({one, make_message_id("report", SETTINGS), make_message_id("report", other_site)}) == 3
    )


def test_without_a_sender_there_is_no_message_id():
    with pytest.raises(SettingsError, match="CSAT_MAIL_FROM"):
        make_message_id("report", make_settings())
