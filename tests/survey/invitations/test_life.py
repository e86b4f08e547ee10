"""A ticket's life, told by Zendesk: solved, reopened, solved again, mailed once, answered, closed;
and the old automation that runs beside us."""

from datetime import timedelta

from survey.messages.worker import Sent
from survey.site.app import create_app
from survey.store.responses import find_response
from survey.vocabulary import Trust
from survey.zendesk.tickets import SURVEYED_TAG
from tests.support.help_desk import DELAY
from tests.support.mails import MailPage
from tests.support.pages import Page


def run_automation(help_desk):
    """What Zendesk's automation does once an hour; how many customers it mails."""
    mailed = 0
    for ticket in help_desk.standin.desk.tickets.values():
        solved_at = ticket.solved_at
        is_due = solved_at and help_desk.invitations.clock() - solved_at > DELAY
        if ticket.status == "solved" and is_due and SURVEYED_TAG not in ticket.tags:
            help_desk.standin.desk.change(ticket.id, tags=[*ticket.tags, SURVEYED_TAG])
            help_desk.tell(ticket.id)
            mailed += 1
    return mailed


def test_from_the_solution_to_the_closed_ticket(help_desk, invitations, clock, mails, database):
    number = help_desk.create()
    clock.advance(hours=2)
    help_desk.solve(number)
    clock.advance(hours=70)
    assert invitations.tick() == Sent()
    help_desk.write(number)
    clock.advance(hours=3)
    assert invitations.tick() == Sent()
    assert invitations.outcome() == "reopened"
    help_desk.solve(number)
    for _ in range(72):
        assert invitations.tick() == Sent()
        clock.advance(hours=1)
    assert invitations.tick() == Sent(sent=1)
    (mail,) = mails.mails
    link = MailPage(mail.html).links[3]
    address = link.removeprefix(invitations.settings.base_url)
    client = create_app(invitations.settings, database, clock).test_client()
    form = Page(client.get(address).text)
    assert form.checked == "4"
    sent = client.post(form.action, data={**form.fields, "rating": "4"})
    assert sent.status_code == 303
    with database.reading() as connection:
        response = find_response(connection, str(number))
    assert (response.rating, response.link_trust) == (4, Trust.SIGNED)
    help_desk.standin.desk.close(number)
    help_desk.tell(number)
    clock.advance(days=60)
    assert invitations.tick() == Sent()
    assert len(mails.mails) == 1


def test_beside_the_old_automation_nobody_is_asked_twice(help_desk, invitations, clock, mails):
    numbers = [help_desk.create(f"{name}@example.com", name) for name in ("ann", "bob", "cy")]
    ours = theirs = 0
    for hour, number in enumerate(numbers):
        clock.advance(hours=1)
        help_desk.solve(number)
        # Now one is first, now the other.
        clock.time += DELAY + timedelta(minutes=1)
        if hour % 2:
            theirs += run_automation(help_desk)
        ours += invitations.tick().sent
        theirs += run_automation(help_desk)
    assert (ours, theirs, len(mails.mails)) == (2, 1, 2)
    outcomes = [invitations.outcome(str(number)) for number in numbers]
    assert outcomes == ["sent", "asked", "sent"]
