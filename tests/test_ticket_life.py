"""A ticket's life with real parts: a help desk that sends its webhooks, our site, a mail server,
and the predecessor's automation, which still runs beside us."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from demo.zendesk_standin import ZendeskStandIn
from survey.invitations.inviting import invite_due
from survey.languages import ENGLISH
from survey.mail.invitation import render_mail
from survey.mail.zendesk import zendesk_invitation
from survey.messages.jobs import send_messages
from survey.settings import Settings
from survey.site.app import create_app
from survey.store.database import Database
from survey.store.inviting import find_invitation
from survey.store.outbox import MESSAGES, summarise_queue
from survey.store.responses import find_response
from survey.zendesk import client
from survey.zendesk.marking import OUR_TAG
from survey.zendesk.rules import HOOK_PATH, make_automation
from survey.zendesk.tickets import SURVEYED_TAG
from tests.support.browser import served
from tests.support.clock import Clock
from tests.support.mail_server import MailServer, mail_server
from tests.support.mails import MailPage
from tests.support.pages import Page
from tests.support.settings import make_settings


@pytest.fixture
def mails() -> Iterator[MailServer]:
    with mail_server() as server:
        yield server


@pytest.fixture
def zendesk(clock) -> Iterator[ZendeskStandIn]:
    with ZendeskStandIn(clock=clock) as standin:
        yield standin


@pytest.fixture
def settings(database_url, mails, zendesk):
    return make_settings(
        database_url=database_url,
        base_url="https://survey.example.com",
        invite="smtp",
        smtp_url=mails.url,
        mail_from="care@example.com",
        zendesk_write_back="tag+note",
        **zendesk.settings,
    )


@dataclass
class Life:
    """Everything that takes part, and the hours that go by."""

    settings: Settings
    database: Database
    clock: Clock
    zendesk: ZendeskStandIn
    mails: MailServer
    site: str

    def tick(self) -> None:
        """What `csat tick` does about tickets."""
        invite_due(self.database, self.settings, self.clock())
        send_messages(self.database, self.settings, self.clock())

    def pass_by(self, times: int, *, hours: float = 1, we_are_first: bool = True) -> None:
        """Some hours go by, some times: each time we look once, and so does the automation."""
        looks = [self.tick, self.zendesk.rules.run_automations]
        for _ in range(times):
            self.clock.advance(hours=hours)
            for look in looks if we_are_first else reversed(looks):
                look()

    def solve(self, number: int) -> None:
        """An agent answers, and solves a ticket."""
        self.zendesk.desk.reply(number, "solved")

    def create(self, name: str) -> int:
        """A customer writes a ticket."""
        desk = self.zendesk.desk
        user = desk.add_user(f"{name}@example.com", name)
        return desk.create_ticket(user, desk.add_group("Surveys"), priority="high")

    def answer(self, rating: str, comment: str) -> None:
        """The customer follows the mail's link, and sends the form."""
        (mail,) = self.mails.mails
        link = next(each for each in MailPage(mail.html).links if f"rating={rating}" in each)
        address = link.replace(self.settings.base_url, self.site)
        form = Page(requests.get(address, timeout=10).text)
        assert form.action is not None
        data = {**form.fields, "rating": rating, "comment": comment}
        requests.post(self.site + form.action, data=data, timeout=10).raise_for_status()

    def tags(self, number: int) -> set[str]:
        """The tags of a ticket at the help desk."""
        return set(self.zendesk.desk.tickets[number].tags)

    def outcome(self, number: int) -> str | None:
        """What was decided about asking the customer of a ticket."""
        with self.database.reading() as connection:
            found = find_invitation(connection, str(number))
        return found.outcome.value if found else None

    def count_asked(self) -> Counter[str]:
        """How often each customer was asked: by us, and by the automation."""
        ours = [mail.recipient for mail in self.mails.mails]
        theirs = [recipient for recipient, _, _ in self.zendesk.rules.mails]
        return Counter([*ours, *theirs])


@pytest.fixture
def life(settings, database, clock, zendesk, mails, monkeypatch) -> Iterator[Life]:
    monkeypatch.setattr(client, "POLL_SECONDS", 0.01)
    mail = render_mail(zendesk_invitation(settings.base_url, ENGLISH), settings, ENGLISH)
    automation = make_automation(mail, settings.survey_delay)
    zendesk.rules.create("automations", dict(automation.body))
    with served(create_app(settings, database, clock)) as url:
        zendesk.notify(url + HOOK_PATH)
        yield Life(settings, database, clock, zendesk, mails, url)


def test_from_the_first_word_to_the_tag_of_the_closed_ticket(life):
    number = life.create("jane")
    life.clock.advance(hours=2)
    life.solve(number)
    life.pass_by(10, hours=7)
    life.zendesk.desk.write(number)
    life.pass_by(3)
    assert (life.outcome(number), life.tags(number)) == ("reopened", set())
    life.solve(number)
    life.pass_by(10, hours=7)
    life.pass_by(1)
    assert life.count_asked() == {}
    life.pass_by(1)
    assert life.count_asked() == {"jane@example.com": 1}
    assert (life.outcome(number), life.tags(number)) == ("sent", {SURVEYED_TAG, OUR_TAG})
    (mail,) = life.mails.mails
    links = [parse_qs(urlsplit(link).query) for link in MailPage(mail.html).links]
    assert {"ticketId": [str(number)], "distinct_id": ["jane"]}.items() <= links[0].items()

    life.answer("4", "quick")
    life.tick()
    assert not life.tags(number) & {"csat_4"}  # the customer may still be changing it
    life.pass_by(1)
    assert "csat_4" in life.tags(number)
    life.answer("2", "broken again")
    life.pass_by(1)
    life.zendesk.desk.close(number)
    assert life.tags(number) == {SURVEYED_TAG, OUR_TAG, "csat_2"}
    notes = [each for each in life.zendesk.desk.tickets[number].comments if not each["public"]]
    assert ["quick" in notes[0]["html_body"], "broken" in notes[1]["html_body"]] == [True, True]

    life.answer("3", "it works now")
    life.pass_by(2)
    assert life.tags(number) == {SURVEYED_TAG, OUR_TAG, "csat_3"}
    assert len(life.zendesk.desk.tickets[number].comments) == 2  # a closed ticket takes no note
    with life.database.reading() as connection:
        response = find_response(connection, str(number))
        queue = summarise_queue(connection, MESSAGES)
    assert (response.rating, response.link_trust, response.team) == (3, "known", "surveys")
    assert (queue.waiting, queue.dead) == (0, [])

    life.clock.advance(days=60)
    life.pass_by(2)
    assert life.count_asked() == {"jane@example.com": 1}
    assert {delivery.status for delivery in life.zendesk.deliveries} == {204}


def test_while_the_automation_runs_on_each_ticket_is_asked_about_once(life):
    numbers = []
    for hour in range(6):
        numbers.append(life.create(f"customer-{hour}"))
        life.solve(numbers[-1])
        life.clock.advance(hours=1)
    life.clock.time += life.settings.survey_delay - timedelta(hours=7) + timedelta(minutes=1)
    for hour in range(7):
        life.pass_by(1, we_are_first=hour % 2 == 0)
    life.clock.advance(days=40)
    life.pass_by(2, we_are_first=False)
    assert life.count_asked() == {f"customer-{hour}@example.com": 1 for hour in range(6)}
    # Both have asked some; nobody's invitation is missing in the report.
    assert {life.outcome(number) for number in numbers} == {"sent", "asked"}
    assert all(SURVEYED_TAG in life.tags(number) for number in numbers)
