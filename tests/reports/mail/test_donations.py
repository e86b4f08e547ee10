"""The mail about a closed month: what its parts say of what is to be paid."""

import pytest

from reports.mail.donations import render_donation_mail
from survey.months import Month
from tests.support.ledger_entries import (
    a_close,
    a_ledger,
    a_payment,
    a_priced_close,
    an_adjustment,
)
from tests.support.mails import MailPage
from tests.support.settings import make_settings

AUGUST, SEPTEMBER, OCTOBER = (Month(2026, number) for number in (8, 9, 10))
SETTINGS = make_settings(base_url="https://survey.example.com")


def a_full_close(month, hedgehogs, amount, currency="GBP", charity="Hedgehog Rescue"):
    rate = "0.50" if currency == "GBP" else "100"
    named = {"charity": charity, "charity_reference": "CSAT 1"}
    return a_priced_close(month, hedgehogs, rate, amount, currency, **named)


def render(*entries):
    return render_donation_mail(a_ledger(*entries), OCTOBER, SETTINGS)


def text_of(message):
    return " ".join(message.get_body(("plain",)).get_content().split())


def words_of(message):
    """The words of the HTML, in one line."""
    body = message.get_body(("html",)).get_content().partition("</head>")[2]
    return " ".join(MailPage(body).text.split())


@pytest.mark.parametrize(
    ("entries", "task"),
    [
        ([a_full_close(OCTOBER, 1_812, "1906.00")], "pay GBP 1,906.00 to Hedgehog Rescue"),
        ([a_full_close(OCTOBER, 9, "900", currency="JPY")], "pay JPY 900 to Hedgehog Rescue"),
        ([a_full_close(OCTOBER, 2, "1.00", charity=None)], "pay GBP 1.00"),
        (
            [a_full_close(OCTOBER, 4, "2.00"), a_payment(OCTOBER, "0.50")],
            "pay GBP 1.50 more to Hedgehog Rescue",
        ),
        ([a_full_close(OCTOBER, 4, "2.00"), a_payment(OCTOBER, "2.00")], "paid"),
        ([a_full_close(OCTOBER, 0, "0.00")], "nothing is to be paid"),
        ([a_close(OCTOBER, 4)], "closed without an amount, so nothing is to be paid"),
    ],
)
def test_the_subject_and_the_first_line_say_what_to_pay(entries, task):
    message = render(*entries)
    assert message["Subject"] == f"Hedgehog donations, October 2026: {task}"
    first = task[0].upper() + task[1:]
    assert text_of(message).startswith(f"Hedgehog donations, October 2026 {first}.")
    assert words_of(message).startswith(f"Hedgehog donations, October 2026 {first} ")
    asks = "csat donations pay --month 2026-10" in text_of(message)
    assert asks == ("csat donations pay --month 2026-10" in words_of(message))
    assert asks == task.startswith("pay ")


def test_html_and_text_say_how_the_amount_came_about():
    message = render(
        a_full_close(SEPTEMBER, 5, "2.50"),
        a_payment(SEPTEMBER, "2.50"),
        an_adjustment(OCTOBER, SEPTEMBER, -1, "T-1"),
        an_adjustment(OCTOBER, SEPTEMBER, -1, "T-2"),
        a_full_close(OCTOBER, 812, "405.00"),
        a_payment(OCTOBER, "5.00", reference="BACS 7"),
    )
    facts = [
        ("Responses of October 2026", "812"),
        ("Changes of earlier months", "−2 (2 changes, which the workbook lists)"),
        ("Hedgehogs", "810"),
        ("One hedgehog", "GBP 0.50"),
        ("Amount", "GBP 405.00"),
        ("Paid", "GBP 5.00 on 3 November 2026, BACS 7"),
        ("Charity", "Hedgehog Rescue"),
        ("Reference for the charity", "CSAT 1"),
        ("Closed", "3 November 2026, 09:00 (Europe/London) by fiona"),
    ]
    text, html = text_of(message), words_of(message)
    for name, value in facts:
        assert f"{name}: {value} " in text
        assert f"{name} {value} " in html
    for words in (text, html):
        assert "counts at the rate of that month" in words
        assert "earlier month" in words
        assert "not paid in full" not in words


def test_earlier_months_that_are_not_paid_are_told_by_currency():
    message = render(
        a_full_close(AUGUST, 4, "2.00"),
        a_payment(AUGUST, "0.50"),
        a_full_close(SEPTEMBER, 9, "900", currency="JPY"),
        a_full_close(OCTOBER, 2, "1.00"),
        a_full_close(OCTOBER.shift(1), 2, "7.00"),
    )
    unpaid = "2 earlier months are not paid in full: GBP 1.50 and JPY 900 due."
    assert unpaid in text_of(message)
    assert unpaid in words_of(message)
    alone = render(a_full_close(SEPTEMBER, 9, "4.50"), a_full_close(OCTOBER, 2, "1.00"))
    assert "1 earlier month is not paid in full: GBP 4.50 due." in text_of(alone)


def test_a_name_is_nothing_but_a_name():
    name = "Hedgehogs & <b>Friends</b>\r\nBcc: everybody@example.com"
    message = render(a_full_close(OCTOBER, 2, "1.00", charity=name))
    assert message["Bcc"] is None
    assert "\n" not in message["Subject"]
    assert "<b>" not in message.get_body(("html",)).get_content()
    assert "Hedgehogs & <b>Friends</b>" in text_of(message)
    assert "Hedgehogs & <b>Friends</b>" in words_of(message)
