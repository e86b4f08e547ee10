"""The monthly report on its way: who gets it, on which day, and never twice by itself."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update

from reports.mailing import QueuedReport, queue_due_report, queue_report
from survey.counting_rules import CountingRules
from survey.errors import CsatError
from survey.messages.jobs import send_messages
from survey.months import Month
from survey.rederive import apply_rules
from survey.settings import SettingsError
from survey.store.models import OutboxRow
from tests.conftest import on_sqlite
from tests.support.pages import address
from tests.support.settings import make_settings

OCTOBER = Month(2026, 10)
LONDON = ZoneInfo("Europe/London")
DUE = datetime(2026, 11, 3, 8, tzinfo=LONDON)


@pytest.fixture
def answers(client):
    """Two answers in October."""
    low = {"rating": "1", "comment": "slow \u202e<b>"}
    client.post(address(team="surveys"), data=low)
    client.post(address(ticketId="43", distinct_id="joe"), data={"rating": "5"})


@pytest.fixture(autouse=True)
def _derived(database, settings):
    """What `csat serve` and `csat db upgrade` do at their start."""
    apply_rules(database, CountingRules.of(settings))


def addresses_of(mails):
    return [mail.recipient for mail in mails.mails]


@pytest.mark.usefixtures("answers")
def test_each_address_gets_one_mail_about_its_team(database, settings, mails):
    report = queue_report(database, settings, OCTOBER, DUE, again=False)
    assert len(report.queued) == len(report.mails) == 3
    assert send_messages(database, settings, DUE) == "messages: 3 sent"
    assert sorted(addresses_of(mails)) == ["lea@example.com", "max@example.com", "sue@example.com"]
    by_address = {mail.recipient: mail for mail in mails.mails}
    assert len({mail.message["Message-ID"] for mail in mails.mails}) == 3
    sue, lea = by_address["sue@example.com"], by_address["lea@example.com"]
    assert "?team=surveys" in sue.html
    assert "?team=surveys\n" not in lea.text
    for mail in (sue, lea):
        assert mail.sender == mail.message["From"] == "csat@example.com"
        assert mail.message["To"] == mail.recipient
        assert mail.message["Date"] == "Tue, 03 Nov 2026 08:00:00 +0000"
        assert mail.message["Auto-Submitted"] == "auto-generated"
        assert "> slow <b>" in mail.text
        assert "slow &lt;b&gt;" in mail.html
        picture = next(part for part in mail.message.walk() if part["Content-ID"])
        assert picture.get_content().startswith(b"\x89PNG")
    assert "Responses: 1\n" in sue.text
    assert "Responses: 2\n" in lea.text


@pytest.mark.usefixtures("answers")
def test_it_goes_out_again_only_when_asked_to_and_is_known_as_the_same(database, settings, mails):
    def send(again):
        report = queue_report(database, settings, OCTOBER, DUE, again=again)
        send_messages(database, settings, DUE)
        return len(report.queued), len(report.sent_before)

    assert send(again=False) == (3, 0)
    assert send(again=False) == (0, 3)
    assert len(mails.mails) == 3
    assert send(again=True) == (3, 0)
    assert len(mails.mails) == 6
    assert len({mail.message["Message-ID"] for mail in mails.mails}) == 3


@on_sqlite
def test_a_mail_that_still_waits_is_left_as_it_is(database, settings):
    first = queue_report(database, settings, OCTOBER, DUE, again=False)
    again = queue_report(database, settings, OCTOBER, DUE, again=True)
    assert again == QueuedReport(first.mails, queued=(), sent_before=())


@on_sqlite
def test_months_have_mails_of_their_own(database, settings, mails):
    for month in (OCTOBER, OCTOBER.shift(1)):
        queue_report(database, settings, month, DUE, again=False)
    send_messages(database, settings, DUE)
    assert len({mail.message["Message-ID"] for mail in mails.mails}) == 6


@on_sqlite
def test_a_new_recipient_gets_what_the_others_have(database, settings, mails):
    queue_due_report(database, settings, DUE)
    recipients = {**settings.report_recipients, "experiments": ("eve@example.com",)}
    more = settings.model_copy(update={"report_recipients": recipients})
    assert queue_due_report(database, more, DUE) == "report of 2026-10: mails queued: 1"
    send_messages(database, more, DUE)
    eve = next(mail for mail in mails.mails if mail.recipient == "eve@example.com")
    assert eve.message["Subject"] == (
        "Customer satisfaction, October 2026: Experiments has no responses"
    )


def test_tick_queues_it_on_its_day_and_not_twice(database, settings, mails):
    early = datetime(2026, 11, 3, 7, 59, tzinfo=LONDON)
    assert queue_due_report(database, settings, early) is None
    assert queue_due_report(database, settings, DUE) == "report of 2026-10: mails queued: 3"
    assert queue_due_report(database, settings, DUE) is None
    send_messages(database, settings, DUE)
    later = datetime(2026, 11, 30, 23, tzinfo=LONDON)
    assert queue_due_report(database, settings, later) is None
    assert len(mails.mails) == 3


@on_sqlite
def test_tick_that_was_not_run_on_the_day_makes_up_for_it(database, settings):
    later = datetime(2026, 11, 19, 1, tzinfo=LONDON)
    assert queue_due_report(database, settings, later) == "report of 2026-10: mails queued: 3"


@on_sqlite
def test_responses_that_are_not_derived_by_the_settings_of_now_wait(database, settings):
    changed = settings.model_copy(update={"test_distinct_ids": frozenset({"tester"})})
    with pytest.raises(CsatError, match="run `csat db upgrade`"):
        queue_report(database, changed, OCTOBER, DUE, again=False)


@on_sqlite
def test_without_recipients_it_says_which_setting_is_missing(database):
    with pytest.raises(SettingsError, match="CSAT_REPORT_RECIPIENTS is not set"):
        queue_report(database, make_settings(), OCTOBER, DUE, again=False)


@on_sqlite
def test_a_mail_that_was_refused_goes_out_again_when_asked_to(database, settings):
    queue_report(database, settings, OCTOBER, DUE, again=False)
    with database.writing() as connection:
        connection.execute(update(OutboxRow).values(dead_at=DUE, last_reason="refused"))
    report = queue_report(database, settings, OCTOBER, DUE, again=False)
    assert (report.queued, report.sent_before) == ((), ())
    assert len(queue_report(database, settings, OCTOBER, DUE, again=True).queued) == 3
