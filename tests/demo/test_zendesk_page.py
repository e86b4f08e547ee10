"""The page of the demo's help desk, in a browser: what a visitor does, and what it shows."""

from datetime import timedelta

import pytest
import requests

from demo.mail_catcher import MailCatcher
from demo.standin import PostHogStandIn
from demo.zendesk_page import DeskPages
from demo.zendesk_standin import ZendeskStandIn
from survey.mail.invitation import Mail
from survey.messages.smtp import SmtpSender
from survey.zendesk.rules import make_automation
from tests.support.browser import watch_console
from tests.support.clock import Clock
from tests.support.headers import faults


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def shown(clock):
    """The page's address, the help desk and the mails behind it."""
    with (
        PostHogStandIn() as standin,
        ZendeskStandIn(clock=clock) as zendesk,
        MailCatcher() as mails,
    ):
        zendesk.desk.add_group("Surveys")
        tick = lambda: "Nothing was due."  # noqa: E731
        standin.help_desk = DeskPages(zendesk, mails, tick, timedelta(seconds=5))
        yield standin.url, zendesk, mails


def press(address, button, **headers):
    return requests.post(f"{address}/zendesk/{button}", headers=headers, timeout=10)


def test_a_visitor_plays_customer_and_agent(shown, browser):
    address, zendesk, _ = shown
    page = browser.new_page()
    said = watch_console(page)
    page.goto(address)
    assert page.evaluate("getComputedStyle(document.querySelector('main')).maxWidth") != "none"
    page.goto(f"{address}/zendesk")
    page.click("text=A customer writes a ticket")
    assert page.inner_text("[role=status]") == "A customer wrote ticket 1."
    page.click("text=Reply and solve")
    assert zendesk.desk.tickets[1].status == "solved"
    page.click("text=The customer writes again")
    assert zendesk.desk.tickets[1].status == "open"
    page.click("text=csat tick")
    assert page.inner_text("[role=status]") == "Nothing was due."
    assert said == []
    page.close()


def test_every_page_has_the_headers_of_our_sites(shown):
    address, _, mails = shown
    SmtpSender(mails.url, "care@example.com").send(
        "Subject: x\nContent-Type: text/html\n\n<p style='color:red'>one</p>\n", "jane@example.com"
    )
    for path in ("/", "/zendesk", "/events.json", "/nothing"):
        assert faults(requests.get(address + path, timeout=10).headers.items()) == [], path
    # A mail has styles on its elements.
    assert faults(requests.get(f"{address}/mails/0", timeout=10).headers.items()) == ["unsafe"]


def test_tags_notes_and_mails_are_shown_as_words(shown):
    address, zendesk, mails = shown
    number = zendesk.desk.create_ticket(zendesk.desk.add_user("<b>@example.com"))
    zendesk.desk.tickets[number].tags = ["csat_2"]
    zendesk.desk.tickets[number].comments = [{"public": False, "html_body": "<p>&lt;i&gt;</p>"}]
    content = "Subject: <u>\nContent-Type: text/html\n\n<p>one</p>\n.two\n"
    SmtpSender(mails.url, "care@example.com").send(content, "jane@example.com")
    shown_page = requests.get(f"{address}/zendesk", timeout=10).text
    for text in ("csat_2", "&lt;b&gt;@example.com", "&lt;i&gt;", "&lt;u&gt;", "jane@example.com"):
        assert text in shown_page
    assert requests.get(f"{address}/mails/0", timeout=10).text.split() == ["<p>one</p>", ".two"]
    assert requests.get(f"{address}/mails/1", timeout=10).status_code == 404


def test_the_old_automation_runs_at_a_press(shown, clock):
    address, zendesk, _ = shown
    rule = make_automation(Mail("About {{ticket.id}}", "", "body", ""), timedelta(hours=72))
    zendesk.rules.create("automations", dict(rule.body))
    number = zendesk.desk.create_ticket(zendesk.desk.add_user("jane@example.com"))
    zendesk.desk.solve(number)
    clock.advance(hours=73)
    assert "mailed 1 customers" in press(address, "automations").text
    assert "About 1" in press(address, "automations").text


def test_what_cannot_be_done_is_said(shown):
    address, zendesk, _ = shown
    number = zendesk.desk.create_ticket(zendesk.desk.add_user("jane@example.com"))
    zendesk.desk.solve(number)
    zendesk.desk.close(number)
    assert "Zendesk refused" in press(address, f"write/{number}").text
    assert "Zendesk refused" in press(address, "solve/999").text
    assert "Zendesk refused" in press(address, "explode").text


def test_pages_of_others_press_no_button(shown):
    address, zendesk, _ = shown
    assert press(address, "create", Origin="https://evil.example").status_code == 403
    assert press(address, "create", Origin=address).status_code == 200
    assert len(zendesk.desk.tickets) == 1
