"""Finance's pages: what they show, who may act, and that only what was shown is written."""

import csv
import io
from datetime import UTC, datetime
from decimal import Decimal

import openpyxl
import pytest
from sqlalchemy import delete, event

from pipeline.donations.ledger import Charity, Rate, Status
from survey.ledger import EntryKind
from survey.months import Month
from survey.store.audit import list_entries
from survey.store.models import AnswerRow, OutboxRow, ResponseRow
from survey.store.responses import save_applied_rules
from tests.support.donations import (
    AUGUST,
    HALF_A_POUND,
    JULY,
    NOVEMBER_THIRD,
    OCTOBER,
    RESCUE,
    SEPTEMBER,
    Donations,
)
from tests.support.html_reader import Reader
from tests.support.reports_site import hidden_fields

PAGE = "/reports/donations"
RATE = {
    "month": "2026-10",
    "amount": "0.50",
    "currency": "gbp",
    "charity": "Hedgehog Rescue",
    "charity_reference": "CSAT 1",
}
PAYMENT = {"amount": "1.00", "paid_on": "2026-11-03", "reference": "BACS 1"}


@pytest.fixture
def donations(database, settings, clock):
    """The ledger of the site; its clock stands at the third of November."""
    clock.time = NOVEMBER_THIRD
    return Donations(database, settings)


@pytest.fixture
def finance(person, donations):
    """Somebody of finance who has signed in on the day of the ledger."""
    assert donations.ledger.entries == ()
    person.sign_in("finn")
    return person


@pytest.fixture
def closed(donations):
    """September is closed with three hedgehogs, October with two, nothing is paid."""
    donations.respond(AUGUST, 4)
    donations.respond(SEPTEMBER, 3)
    donations.respond(OCTOBER, 2)
    donations.set_rate(SEPTEMBER)
    donations.close(SEPTEMBER)
    donations.close(OCTOBER)
    return donations


def read(person, path=PAGE):
    answer = person.client.get(path)
    assert answer.status_code == 200
    return Reader(answer.text).text


def send(person, path, **fields):
    """Send the form of a page as it comes, but for these fields."""
    form = hidden_fields(person.client.get(path).text)
    return person.client.post(path, data={**form, **fields})


def confirm(person, path, page):
    """Press the button of a confirming page."""
    return person.client.post(path, data=hidden_fields(page.text))


def in_december(person, clock):
    """Sign in again when November can be closed."""
    clock.time = datetime(2026, 12, 2, 9, tzinfo=UTC)
    person.sign_in("finn")


def recorded(database):
    with database.reading() as connection:
        return [(each.user_name, each.action, each.target) for each in list_entries(connection)]


class TestRoles:
    ACTS = ("rate", "2026-11/close", "2026-10/pay", "2026-10/correct")

    def test_leads_read_and_have_no_buttons(self, person, closed):
        person.sign_in("lea")
        for path in ("", "/2026-10", "/2026-08", "/2026-11"):
            page = person.client.get(PAGE + path).text
            assert "<form" not in page
            assert "/pay" not in page
            assert "/rate" not in page
            assert "/close" not in page

    def test_leads_do_not_act(self, person, closed):
        person.sign_in("lea")
        token = hidden_fields(person.client.get("/reports/account").text)
        assert person.client.get(f"{PAGE}/close?month=2026-10").status_code == 403
        for act in self.ACTS:
            assert person.client.get(f"{PAGE}/{act}").status_code == 403
            assert person.client.post(f"{PAGE}/{act}", data=token).status_code == 403
        assert len(closed.ledger.entries) == 4

    def test_a_form_without_its_token_does_nothing(self, finance, closed):
        fields = {**RATE, **PAYMENT, "reason": "wrong", "month": "2026-11"}
        for act in self.ACTS:
            answer = finance.client.post(f"{PAGE}/{act}", data=fields)
            assert answer.status_code == 400
            assert "form is out of date" in answer.text
        assert len(closed.ledger.entries) == 4


class TestOverview:
    def test_explains_the_first_close_and_asks_for_a_rate(self, finance, donations):
        donations.respond(OCTOBER, 1)
        text = read(finance)
        assert "Months before it are counted, and never owed" in text
        assert "No rate yet" in text
        assert "To pay now Nothing" in text

    def test_an_empty_store_has_a_page_without_a_chart(self, finance):
        page = finance.client.get(PAGE)
        assert 'class="chart"' not in page.text
        text = Reader(page.text).text
        assert "November 2026 can be closed from 1 December 2026, 01:00 (Europe/London) on." in text

    def test_says_what_is_due_to_whom_and_for_which_months(self, finance, closed):
        text = read(finance)
        assert "To pay now GBP 2.50 to Hedgehog Rescue, reference CSAT 1" in text
        assert "for September 2026 and October 2026" in text
        assert "Hedgehogs in all 9" in text
        assert "GBP 0.50 since September 2026" in text

    def test_says_what_has_become_of_each_month(self, finance, closed):
        closed.pay(SEPTEMBER, reference="BACS 7")
        closed.pay(OCTOBER, Decimal("0.40"))
        text = read(finance)
        assert "November 2026 Not closed yet" in text
        assert "October 2026 Partly paid, GBP 0.60 left3 November 2026, BACS 1" in text
        assert "September 2026 Paid3 November 2026, BACS 7" in text
        assert "August 2026 Before the first close, not owed" in text
        assert "Paid in 2026 GBP 1.90" in text

    def test_the_chart_says_every_month_in_words(self, finance, closed):
        page = finance.client.get(PAGE).text
        assert (
            "Hedgehogs by month. August 2026: 4 hedgehogs, before the first close, not owed; "
            "September 2026: 3 hedgehogs, closed, to be paid" in page
        )

    def test_tells_changes_that_wait_for_the_next_close(self, finance, closed):
        assert "Changes since the close" not in read(finance)
        closed.void("T-2026-09-1")
        closed.void("T-2026-08-1")
        text = read(finance)
        assert "Together that makes −2 hedgehogs" in text
        assert "September 2026 Void: the ticket was taken out" in text

    def test_reads_no_tickets_of_the_ledger_when_nothing_has_changed(
        self, finance, closed, database
    ):
        statements = []
        event.listen(
            database._backend.reading_engine,
            "before_cursor_execute",
            lambda _c, _cursor, statement, *_: statements.append(statement),
        )
        read(finance)
        assert not [each for each in statements if "ledger_tickets" in each]
        closed.void("T-2026-09-1")
        read(finance)
        compared = [each for each in statements if "ledger_tickets" in each]
        assert compared
        read(finance)
        assert [each for each in statements if "ledger_tickets" in each] == compared

    def test_answers_that_are_gone_are_a_notice(self, finance, closed, database):
        with database.writing() as connection:
            for row in (OutboxRow, ResponseRow, AnswerRow):
                connection.execute(delete(row).where(row.ticket_id == "T-2026-10-1"))
            connection.exec_driver_sql("DELETE FROM settled_months")
        assert "do not fit together. The response of ticket T-2026-10-1" in read(finance)
        assert "do not fit together" in read(finance, f"{PAGE}/2026-10")

    def test_waits_while_responses_are_derived_anew(self, finance, closed, database):
        with database.writing() as connection:
            save_applied_rules(connection, "being derived")
        assert finance.client.get(PAGE).status_code == 503

    def test_shows_hostile_words_as_words(self, finance, donations):
        donations.respond(OCTOBER, 1)
        donations.set_rate(OCTOBER, charity=Charity("<b>Rescue</b>", "<i>1</i>"))
        donations.close(OCTOBER)
        for path in ("", "/2026-10", "/2026-10/pay"):
            page = finance.client.get(PAGE + path).text
            assert "<b>Rescue" not in page
            assert "&lt;b&gt;Rescue" in page


class TestMonth:
    def test_tells_how_the_amount_came_about(self, finance, closed, clock):
        closed.void("T-2026-10-1")
        closed.respond(SEPTEMBER, 2, prefix="late", day=20)
        closed.respond(Month(2026, 11), 3, day=1)
        in_december(finance, clock)
        closed.now = clock()
        closed.close(Month(2026, 11))
        text = read(finance, f"{PAGE}/2026-11")
        assert "3 responses and +1 for changes of earlier months make 4 hedgehogs" in text
        assert "September 2026: stored after the close Hedgehogs +2" in text
        assert "October 2026: void: the ticket was taken out Hedgehogs −1" in text
        assert "3 adjustments of earlier months" in text

    def test_ties_with_what_was_posted_and_what_waits(self, finance, closed):
        closed.void("T-2026-10-1")
        text = read(finance, f"{PAGE}/2026-10")
        assert "At the close 2 responses, −1 not posted yet. The month has 1 response now" in text
        assert "that ties." in text
        assert "T-2026-10-1 Void" in text

    def test_has_its_history_with_hashes(self, finance, closed):
        closed.pay(OCTOBER, reference="BACS 7")
        closed.correct(OCTOBER, "wrong account")
        page = finance.client.get(f"{PAGE}/2026-10").text
        text = Reader(page).text
        assert "Closed: 2 responses, GBP 1.00" in text
        assert "GBP 1.00 paid on 3 November 2026, reference BACS 7" in text
        assert "taken back, GBP 1.00: wrong account" in text
        for entry in closed.ledger.entries_of(OCTOBER):
            assert entry.hash in page

    def test_before_the_first_close_nothing_is_owed(self, finance, closed):
        assert "4 responses before the first close: counted, never owed." in read(
            finance, f"{PAGE}/2026-08"
        )
        # No response came then, and no close will ever make it owed.
        assert "before the first close" in read(finance, f"{PAGE}/2026-05")

    def test_there_is_no_page_for_what_is_no_month_or_not_begun(self, finance):
        for month in ("2026-12", "2026-13", "0000-01"):
            assert finance.client.get(f"{PAGE}/{month}").status_code == 404


class TestRate:
    def test_is_shown_before_it_is_set(self, finance, donations, database):
        page = send(finance, f"{PAGE}/rate", **RATE)
        assert page.status_code == 200
        text = Reader(page.text).text
        assert "A hedgehog is worth GBP 0.50" in text
        assert "From October 2026 on" in text
        assert "Hedgehog Rescue, reference CSAT 1" in text
        assert donations.ledger.entries == ()
        answer = confirm(finance, f"{PAGE}/rate", page)
        assert (answer.status_code, answer.location) == (303, PAGE)
        (entry,) = donations.ledger.entries
        assert (entry.kind, entry.month, entry.recorded_by) == (EntryKind.RATE, OCTOBER, "finn")
        assert donations.ledger.rate_of(OCTOBER) == HALF_A_POUND
        assert donations.ledger.charity_of(OCTOBER) == RESCUE
        action = ("finn", "set rate", "2026-10 GBP\u00a00.50, Hedgehog Rescue")
        assert recorded(database)[0][:2] == action[:2]
        assert "From October 2026 on, a hedgehog is worth GBP 0.50." in read(finance)

    def test_sent_twice_is_set_once(self, finance, donations):
        page = send(finance, f"{PAGE}/rate", **RATE)
        confirm(finance, f"{PAGE}/rate", page)
        again = confirm(finance, f"{PAGE}/rate", page)
        assert again.status_code == 409
        assert "The newest rate is GBP 0.50 from October 2026 on, set by finn" in Reader(
            again.text
        ).text.replace("\u00a0", " ")
        assert len(donations.ledger.entries) == 1

    def test_can_be_changed_before_it_is_set(self, finance, donations):
        page = send(finance, f"{PAGE}/rate", **RATE)
        form = {**hidden_fields(page.text), "change": "1"}
        again = finance.client.post(f"{PAGE}/rate", data=form)
        assert again.status_code == 200
        assert 'value="0.50" required' in again.text
        assert donations.ledger.entries == ()

    BAD_VALUES = (
        ("month", "October", "is not a month; write it as YYYY-MM"),
        ("month", "2026-08", "the first month that can have a new rate is 2026-11"),
        ("amount", "half", "is not an amount; write it like 0.50"),
        ("amount", "", "is not an amount"),
        ("currency", "pounds", "is not a currency; write its code of ISO 4217"),
        ("charity", "", "a reference belongs to a charity; name it, too"),
        ("charity", "x" * 201, "201 characters are too many"),
        ("charity_reference", "a\u202eb", "U+202E cannot be printed"),
    )

    def test_bad_values_are_named_and_the_form_stays_filled(self, finance, closed):
        for field, value, words in self.BAD_VALUES:
            page = send(finance, f"{PAGE}/rate", **{**RATE, "month": "2026-11", field: value})
            assert page.status_code == 400
            assert words.casefold() in Reader(page.text).text.casefold()
            assert f'value="{value}"' in page.text
        assert len(closed.ledger.entries) == 4


class TestClose:
    PATH = f"{PAGE}/2026-10/close"

    def test_the_first_one_is_of_a_month_that_one_chooses(self, finance, donations):
        donations.respond(SEPTEMBER, 1)
        donations.respond(OCTOBER, 1)
        page = finance.client.get(PAGE).text
        assert '<option value="2026-10">October 2026</option>' in page
        assert '<option value="2026-11">' not in page
        assert finance.client.get(f"{PAGE}/close?month=2026-10").location == self.PATH
        answer = finance.client.get(f"{PAGE}/close?month=soon")
        assert answer.status_code == 400
        assert "is not a month" in answer.text

    def test_shows_all_that_it_will_write(self, finance, closed, clock):
        closed.void("T-2026-10-1")
        closed.void("T-2026-08-1")
        closed.respond(Month(2026, 11), 3, day=1)
        in_december(finance, clock)
        text = read(finance, f"{PAGE}/2026-11/close").replace("\u00a0", " ")
        assert "To pay GBP 1.00" in text
        assert "Responses of the month Hedgehogs 3 Each GBP 0.50 Amount GBP 1.50" in text
        assert "October 2026: void: the ticket was taken out Hedgehogs −1" in text
        assert "August 2026: void: the ticket was taken out −1" in text
        assert "T-2026-10-1, October 2026: −1" in text

    def test_shows_what_must_wait_because_it_would_fall_below_zero(self, finance, closed, clock):
        closed.void("T-2026-10-1")
        closed.void("T-2026-10-2")
        closed.respond(Month(2026, 11), 1, day=1)
        in_december(finance, clock)
        text = read(finance, f"{PAGE}/2026-11/close")
        assert "What waits for the next close" in text
        assert "October 2026 Void: the ticket was taken out More 0 Fewer 1" in text

    def test_writes_it(self, finance, donations, database):
        donations.respond(SEPTEMBER, 1)
        donations.respond(OCTOBER, 2)
        donations.set_rate(OCTOBER)
        page = finance.client.get(self.PATH)
        assert "October 2026 will be the first month that is owed" in page.text
        answer = confirm(finance, self.PATH, page)
        assert (answer.status_code, answer.location) == (303, f"{PAGE}/2026-10")
        line = donations.ledger.closed[OCTOBER]
        assert (line.close.recorded_by, line.hedgehogs, str(line.amount)) == ("finn", 2, "1.00")
        assert donations.ledger.counted_in(SEPTEMBER) == 1
        assert recorded(database)[0] == ("finn", "close month", "2026-10")
        assert "October 2026 is closed." in read(finance, answer.location)

    def test_sent_twice_closes_once(self, finance, donations, database):
        donations.respond(OCTOBER, 2)
        donations.set_rate(OCTOBER)
        page = finance.client.get(self.PATH)
        confirm(finance, self.PATH, page)
        entries = donations.ledger.entries
        again = confirm(finance, self.PATH, page)
        assert (again.status_code, again.location) == (303, f"{PAGE}/2026-10")
        assert "closed already" in read(finance, again.location)
        assert donations.ledger.entries == entries
        assert len([each for each in recorded(database) if each[1] == "close month"]) == 1

    def test_what_was_not_shown_is_not_written(self, finance, donations):
        donations.respond(OCTOBER, 2)
        donations.set_rate(OCTOBER)
        page = finance.client.get(self.PATH)
        donations.respond(OCTOBER, 1, prefix="late", day=30)
        again = confirm(finance, self.PATH, page)
        assert again.status_code == 409
        assert "Something has changed since you were shown this page" in again.text
        assert "Responses of the month Hedgehogs 3" in Reader(again.text).text
        assert donations.ledger.closed == {}
        assert confirm(finance, self.PATH, again).status_code == 303
        assert donations.ledger.closed[OCTOBER].hedgehogs == 3

    def test_answers_of_the_running_month_do_not_matter(self, finance, donations, clock):
        donations.respond(OCTOBER, 2)
        donations.set_rate(OCTOBER)
        page = finance.client.get(self.PATH)
        donations.respond(Month(2026, 11), 5, day=2)
        clock.advance(minutes=5)
        assert confirm(finance, self.PATH, page).status_code == 303

    def test_needs_the_end_of_the_month(self, finance, closed):
        answer = finance.client.get(f"{PAGE}/2026-11/close")
        assert answer.status_code == 409
        assert "2026-11 was not closed: 2026-11 ends at" in answer.text

    def test_needs_a_rate_or_a_word(self, finance, donations):
        donations.respond(OCTOBER, 2)
        answer = finance.client.get(self.PATH)
        assert answer.status_code == 409
        assert "No rate says what a hedgehog of October 2026 is worth" in answer.text
        assert f"{PAGE}/rate?month=2026-10" in answer.text
        page = finance.client.get(f"{self.PATH}?without_amount=1")
        assert confirm(finance, self.PATH, page).status_code == 303
        assert donations.ledger.closed[OCTOBER].amount is None

    def test_answers_that_are_gone_stop_it(self, finance, donations, database, clock):
        donations.respond(OCTOBER, 1)
        donations.close(OCTOBER, without_amount=True)
        with database.writing() as connection:
            for row in (OutboxRow, ResponseRow, AnswerRow):
                connection.execute(delete(row).where(row.ticket_id == "T-2026-10-1"))
            connection.exec_driver_sql("DELETE FROM settled_months")
        in_december(finance, clock)
        answer = finance.client.get(f"{PAGE}/2026-11/close?without_amount=1")
        assert answer.status_code == 409
        assert "Restore the backup that has them" in answer.text


class TestPayment:
    PATH = f"{PAGE}/2026-10/pay"

    def test_is_shown_before_it_is_recorded(self, finance, closed, database):
        form = finance.client.get(self.PATH).text
        assert 'value="1.00"' in form
        assert 'value="2026-11-03"' in form
        page = send(finance, self.PATH, **PAYMENT)
        text = Reader(page.text).text
        assert "Paid GBP 1.00" in text.replace("\u00a0", " ")
        assert "To Hedgehog Rescue, reference CSAT 1" in text
        assert "it is all paid then" in text
        assert closed.ledger.closed[OCTOBER].payments == ()
        answer = confirm(finance, self.PATH, page)
        assert (answer.status_code, answer.location) == (303, f"{PAGE}/2026-10")
        line = closed.ledger.closed[OCTOBER]
        assert line.status is Status.PAID
        assert line.latest.recorded_by == "finn"
        assert recorded(database)[0][:2] == ("finn", "pay month")

    def test_a_second_one_is_refused(self, finance, closed):
        page = send(finance, self.PATH, **PAYMENT)
        confirm(finance, self.PATH, page)
        for answer in (confirm(finance, self.PATH, page), finance.client.get(self.PATH)):
            assert answer.status_code == 409
            assert "October 2026 is paid already" in answer.text
        assert len(closed.ledger.closed[OCTOBER].payments) == 1

    def test_a_part_that_is_sent_twice_is_recorded_once(self, finance, closed):
        page = send(finance, self.PATH, **{**PAYMENT, "amount": "0.40"})
        assert "GBP 0.60 is left" in page.text.replace("\u00a0", " ")
        confirm(finance, self.PATH, page)
        again = confirm(finance, self.PATH, page)
        assert again.status_code == 409
        assert "Nothing is recorded yet" in again.text
        assert "GBP 0.20 is left" in again.text.replace("\u00a0", " ")
        assert len(closed.ledger.closed[OCTOBER].payments) == 1

    BAD_VALUES = (
        ("amount", "1,00", "is not an amount; write it like 0.50"),
        ("amount", "1.01", "is more than what is due for 2026-10"),
        ("amount", "0.005", "is no amount that can be paid in GBP"),
        ("paid_on", "3.11.2026", "is not a day; write it as YYYY-MM-DD"),
        ("paid_on", "2026-11-04", "is in the future"),
        ("paid_on", "2026-10-30", "is before the end of 2026-10"),
        ("reference", " ", "The words are missing"),
        ("reference", "x" * 201, "201 characters are too many"),
    )

    def test_bad_values_are_named_and_the_form_stays_filled(self, finance, closed):
        for field, value, words in self.BAD_VALUES:
            page = send(finance, self.PATH, **{**PAYMENT, field: value})
            assert page.status_code == 400
            assert words in page.text
            assert f'value="{value}"' in page.text
        assert closed.ledger.closed[OCTOBER].payments == ()

    def test_needs_a_closed_month_with_something_due(self, finance, closed):
        assert "is not closed yet" in finance.client.get(f"{PAGE}/2026-11/pay").text
        assert finance.client.get(f"{PAGE}/2026-11/pay").status_code == 409


class TestCorrection:
    PATH = f"{PAGE}/2026-10/correct"

    def test_takes_the_last_payment_back(self, finance, closed, database):
        closed.pay(OCTOBER, reference="BACS 7")
        assert "BACS 7" in read(finance, self.PATH)
        page = send(finance, self.PATH, reason="wrong account")
        assert "reference BACS 7" in Reader(page.text).text
        assert closed.ledger.closed[OCTOBER].payments
        answer = confirm(finance, self.PATH, page)
        assert answer.location == f"{PAGE}/2026-10"
        assert closed.ledger.closed[OCTOBER].payments == ()
        assert closed.ledger.entries[-1].reason == "wrong account"
        assert recorded(database)[0][:2] == ("finn", "correct payment")
        again = confirm(finance, self.PATH, page)
        assert again.status_code == 409
        assert "has no payment that could be taken back" in again.text

    def test_of_another_payment_than_was_shown_takes_nothing_back(self, finance, closed):
        closed.pay(OCTOBER, Decimal("0.40"), reference="BACS 7")
        page = send(finance, self.PATH, reason="wrong account")
        closed.pay(OCTOBER, reference="BACS 8")
        again = confirm(finance, self.PATH, page)
        assert again.status_code == 409
        assert "BACS 8" in again.text
        assert len(closed.ledger.closed[OCTOBER].payments) == 2

    def test_needs_a_reason(self, finance, closed):
        closed.pay(OCTOBER)
        page = send(finance, self.PATH, reason=" ")
        assert page.status_code == 400
        assert "The words are missing" in page.text


class TestFiles:
    def test_hold_all_months_or_those_of_a_year(self, finance, closed, database):
        closed.respond(Month(2025, 12), 1)
        answer = finance.client.get(f"{PAGE}.csv")
        assert answer.headers["Content-Disposition"].endswith("csat-all-donations.csv")
        months = [row["month"] for row in csv.DictReader(io.StringIO(answer.text))]
        assert months == ["2025-12", "2026-08", "2026-09", "2026-10", "2026-11"]
        of_year = finance.client.get(f"{PAGE}.csv?year=2026").text
        header, _, *rows = answer.text.splitlines()
        assert of_year.splitlines() == [header, *rows]
        assert recorded(database)[:2] == [
            ("finn", "export", "2026 donations.csv"),
            ("finn", "export", "all donations.csv"),
        ]

    def test_are_workbooks_too(self, finance, closed):
        answer = finance.client.get(f"{PAGE}.xlsx?year=2026")
        book = openpyxl.load_workbook(io.BytesIO(answer.data))
        values = {cell.value for sheet in book for row in sheet for cell in row}
        assert "2026-10" in values
        assert "Hedgehog Rescue" in values

    def test_bad_addresses_are_refused(self, finance, closed):
        for path, status in ((".csv?year=1999", 404), (".csv?year=26", 400), (".pdf", 404)):
            assert finance.client.get(PAGE + path).status_code == status


def test_two_currencies_are_due_side_by_side(finance, donations):
    donations.respond(JULY, 1)
    donations.respond(AUGUST, 3)
    donations.set_rate(JULY)
    donations.set_rate(AUGUST, Rate(Decimal(70), "JPY"), None)
    donations.close(JULY)
    donations.close(AUGUST)
    text = read(finance)
    assert "GBP 0.50 to Hedgehog Rescue, reference CSAT 1 for July 2026" in text
    assert "JPY 210 to Hedgehog Rescue, reference CSAT 1 for August 2026" in text
