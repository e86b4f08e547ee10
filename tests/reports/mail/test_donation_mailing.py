"""The donation export on its way to finance: every closed month, to each address once."""

import io
from datetime import UTC, datetime, timedelta

import openpyxl
import pytest

from pipeline.donations.lines import closed_line
from reports.closing import close_due_months
from reports.donation_exports import format_donations
from reports.donation_mailing import MAILED_FOR, queue_donation_mails
from reports.exports import ExportKind
from survey.messages.jobs import send_messages
from tests.conftest import on_sqlite
from tests.support.donations import AUGUST, NOVEMBER_THIRD, OCTOBER, SEPTEMBER, Donations
from tests.support.settings import make_settings

ADDRESSES = ("fiona@example.com", "frank@example.com")


@pytest.fixture
def settings(database_url, mails):
    return make_settings(
        database_url=database_url,
        base_url="https://survey.example.com",
        smtp_url=mails.url,
        mail_from="csat@example.com",
        finance_recipients=",".join(ADDRESSES),
    )


@pytest.fixture
def donations(database, settings):
    donations = Donations(database, settings)
    for month, responses in ((AUGUST, 1), (SEPTEMBER, 2), (OCTOBER, 3)):
        donations.respond(month, responses)
    donations.set_rate(AUGUST)
    return donations


def attachments_of(mail):
    return {part.get_filename(): part for part in mail.message.iter_attachments()}


def test_a_month_that_was_closed_by_hand_goes_to_each_address_once(
    donations, database, settings, mails
):
    donations.close(AUGUST)
    now = donations.now + timedelta(minutes=1)
    assert queue_donation_mails(database, settings, now) == "donations: mails queued: 2"
    assert queue_donation_mails(database, settings, now) is None
    send_messages(database, settings, now)
    assert queue_donation_mails(database, settings, now) is None
    assert sorted(mail.recipient for mail in mails.mails) == sorted(ADDRESSES)
    assert len({mail.message["Message-ID"] for mail in mails.mails}) == 2
    for mail in mails.mails:
        assert mail.message["To"] == mail.recipient
        assert mail.sender == mail.message["From"] == "csat@example.com"
        assert mail.message["Subject"] == (
            "Hedgehog donations, August 2026: pay GBP 0.50 to Hedgehog Rescue"
        )
        assert "Reference for the charity: CSAT 1\n" in mail.text
        assert "https://survey.example.com/reports/donations/2026-08\n" in mail.text
        assert 'href="https://survey.example.com/reports/donations/2026-08"' in mail.html


@on_sqlite
def test_the_export_of_the_month_comes_with_it_byte_for_byte(donations, database, settings, mails):
    donations.close(AUGUST)
    queue_donation_mails(database, settings, donations.now)
    send_messages(database, settings, donations.now)
    found = attachments_of(mails.mails[0])
    assert list(found) == ["csat-2026-08-donations.csv", "csat-2026-08-donations.xlsx"]
    csv, workbook = found.values()
    ledger = donations.ledger
    line = closed_line(ledger.closed[AUGUST])
    assert csv.get_payload(decode=True) == format_donations(ledger, [line], ExportKind.CSV)
    assert (csv.get_content_type(), csv.get_param("charset")) == ("text/csv", "utf-8")
    assert workbook.get_content_type().endswith("spreadsheetml.sheet")
    cells = [
        cell.value
        for sheet in openpyxl.load_workbook(io.BytesIO(workbook.get_content()))
        for row in sheet
        for cell in row
    ]
    assert {"2026-08", "Hedgehog Rescue", line["ledger_hash"]} <= set(cells)


@on_sqlite
def test_tick_mails_every_month_that_it_closed(donations, database, settings, mails):
    donations.close(AUGUST)
    on_the_day = settings.model_copy(update={"close_day": 3})
    done = close_due_months(database, on_the_day, NOVEMBER_THIRD)
    assert done == "donations: months closed: 2026-09, 2026-10"
    assert queue_donation_mails(database, on_the_day, NOVEMBER_THIRD) == (
        "donations: mails queued: 6"
    )
    send_messages(database, on_the_day, NOVEMBER_THIRD)
    subjects = {mail.message["Subject"].partition(": ")[0] for mail in mails.mails}
    assert subjects == {
        f"Hedgehog donations, {month} 2026" for month in ("August", "September", "October")
    }


@on_sqlite
def test_a_new_address_gets_the_months_that_were_closed_lately(donations, database, settings):
    first_only = settings.model_copy(update={"finance_recipients": ADDRESSES[:1]})
    donations.close(AUGUST)
    queue_donation_mails(database, first_only, donations.now)
    late = donations.now + MAILED_FOR
    assert queue_donation_mails(database, settings, late) is None
    in_time = late - timedelta(seconds=1)
    assert queue_donation_mails(database, settings, in_time) == "donations: mails queued: 1"


@on_sqlite
def test_a_correction_or_a_payment_mails_nobody_again(donations, database, settings):
    donations.close(AUGUST)
    queue_donation_mails(database, settings, donations.now)
    donations.pay(AUGUST)
    donations.correct(AUGUST)
    assert queue_donation_mails(database, settings, donations.now) is None


@on_sqlite
def test_without_recipients_or_closed_months_there_is_nothing_to_mail(
    donations, database, settings
):
    nobody = settings.model_copy(update={"finance_recipients": ()})
    assert queue_donation_mails(database, settings, datetime(2026, 11, 3, tzinfo=UTC)) is None
    donations.close(AUGUST)
    assert queue_donation_mails(database, nobody, donations.now) is None
