"""What an alert says, in a chat and in a mail, whatever customers wrote."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from survey.messages.alerts import MOST_SHOWN, Alert, compose_chat, compose_mail
from survey.messages.mails import Mail
from survey.messages.plain_text import BREAK
from tests.support.mails import MailPage
from tests.support.settings import make_settings

AT = datetime(2026, 10, 14, 9, 30, tzinfo=UTC)
SETTINGS = make_settings(
    ticket_url="https://help.example.com/tickets/{ticket_id}",
    smtp_url="smtp://127.0.0.1",
    mail_from="csat@example.com",
)
HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)> &amp; &lt;",
    "<!channel> @channel @here <@U123> <https://evil.example.com|your bank>",
    "[click](https://evil.example.com) `code` ```",
    '=HYPERLINK("https://evil.example.com")',
    "\u202egnp.exe \u2067 \x00 \x1b[2J \r\nBcc: everybody@example.com",
    "{{ 7 * 7 }} {% for %} %s {0}",
    "🦔" * 5_000,
    "word " * 5_000,
    "\ud800 alone",
)


def alert(ticket="42", team="surveys", rating=1, comment="slow", at=AT):
    return Alert(ticket, team, rating, comment, at)


def mail_of(*alerts, settings=SETTINGS):
    return compose_mail(
        alerts, settings, recipient="lead@example.com", message_id="<1@example.com>", now=AT
    )


def text_of(mail):
    return mail.get_body(("plain",)).get_content().replace(BREAK, "")


def html_of(mail):
    return mail.get_body(("html",)).get_content()


def words_of(payload):
    return "\n".join(block["text"]["text"] for block in payload["blocks"]).replace(BREAK, "")


def test_one_alert_says_what_is_needed_in_a_chat():
    payload = compose_chat([alert()], SETTINGS)
    assert words_of(payload) == (
        "*Low rating for Surveys*\n"
        "*1 of 5, very dissatisfied* · <https://help.example.com/tickets/42|Ticket 42>"
        " · 14 Oct 2026, 10:30 BST\n"
        "> slow"
    )
    assert "Low rating for Surveys\n\n*1 of 5" in payload["text"]
    assert payload["text"].endswith("> slow")


def test_one_alert_says_what_is_needed_in_a_mail():
    mail = mail_of(alert())
    assert mail["Subject"] == "Low rating for Surveys"
    assert (mail["From"], mail["To"]) == ("csat@example.com", "lead@example.com")
    assert mail["Message-ID"] == "<1@example.com>"
    assert mail["Date"].datetime == AT
    text = text_of(mail)
    assert "1 of 5, very dissatisfied, 14 Oct 2026, 10:30 BST" in text
    assert "Ticket 42: https://help.example.com/tickets/42" in text
    assert "\n> slow\n" in text
    page = MailPage(html_of(mail))
    assert page.links == ["https://help.example.com/tickets/42"]
    assert page.images == []
    assert "slow" in page.text


def test_without_an_address_of_tickets_the_number_stands_alone():
    settings = make_settings(smtp_url="smtp://127.0.0.1", mail_from="csat@example.com")
    assert "· Ticket 42 ·" in words_of(compose_chat([alert()], settings))
    assert MailPage(html_of(mail_of(alert(), settings=settings))).links == []


@pytest.mark.parametrize("comment", [None, "", "\u202e\x00"])
def test_a_comment_that_says_nothing_is_told_so(comment):
    assert "_no comment_" in words_of(compose_chat([alert(comment=comment)], SETTINGS))
    assert "(no comment)" in text_of(mail_of(alert(comment=comment)))


def test_many_alerts_are_one_digest_with_the_worst_and_newest_first():
    alerts = [
        alert(str(n), rating=1 + n % 2, at=AT + timedelta(minutes=n)) for n in range(MOST_SHOWN + 5)
    ]
    payload, mail = compose_chat(alerts, SETTINGS), mail_of(*alerts)
    for words in (words_of(payload), text_of(mail), MailPage(html_of(mail)).text):
        assert "25 low ratings for Surveys" in words
        assert "and 5 more" in words
        tickets = [words.index(f"Ticket {n}") for n in (24, 22, 0, 23, 21)]
        assert tickets == sorted(tickets)
        assert "Ticket 1\n" not in words  # among the five satisfied most, and longest ago
    assert len(payload["blocks"]) <= 50
    assert mail["Subject"] == "25 low ratings for Surveys"


@pytest.mark.parametrize("comment", HOSTILE)
def test_hostile_comments_are_words(comment):
    ticket = comment[:40].encode(errors="replace").decode()
    payload = compose_chat([alert(ticket, comment=comment)], SETTINGS)
    for shown in (words_of(payload), payload["text"].replace(BREAK, "")):
        assert "<!" not in shown
        assert "<@" not in shown
        assert "<script" not in shown
        # The only link is our own.
        assert shown.count("<") == shown.count("|Ticket ") == 1
    for shown in (payload["text"], *(block["text"]["text"] for block in payload["blocks"])):
        assert "@channel" not in shown
        assert "@here" not in shown
        assert "://evil" not in shown
    assert payload["unfurl_links"] is payload["unfurl_media"] is False
    mail = mail_of(alert(comment=comment))
    page = MailPage(html_of(mail))
    assert page.links == ["https://help.example.com/tickets/42"]
    assert page.images == []
    assert "<script" not in html_of(mail)
    assert "://evil" not in html_of(mail) + mail.get_body(("plain",)).get_content()
    # It can be sent, and its headers are ours.
    sent = Mail.of(mail, "lead@example.com").content
    headers = sent.partition("\r\n\r\n")[0]
    assert "Bcc" not in headers
    assert "evil" not in headers
    assert "\u202e" not in sent


# No link can hold half a surrogate pair.
TICKETS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=200)


@given(comment=st.text(max_size=700), ticket=TICKETS)
def test_every_block_fits_into_slack(comment, ticket):
    payload = compose_chat([alert(ticket, comment=comment)], SETTINGS)
    assert all(len(block["text"]["text"]) <= 3_000 for block in payload["blocks"])


@pytest.mark.parametrize("sign", ["&", ".", "🦔"])
def test_what_becomes_longer_by_escaping_fits_into_slack(sign):
    payload = compose_chat([alert(sign * 200, comment=sign * 5_000)], SETTINGS)
    assert all(len(block["text"]["text"]) <= 3_000 for block in payload["blocks"])


def test_a_team_that_a_link_made_up_stands_in_no_header():
    mail = mail_of(alert(team="you_have_won"))
    assert mail["Subject"] == "Low rating for a team that is not in the list"
    assert "Low rating for You have won" in text_of(mail)
