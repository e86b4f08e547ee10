"""With Zendesk: the ticket is marked before anybody is asked, and the old automation cannot race
us."""

import pytest

from demo.behaviour import accept_then_reset
from survey.messages.worker import LONGEST_PAUSE, Sent
from survey.store.outbox import MESSAGES, summarise_queue
from survey.zendesk.marking import OUR_TAG
from survey.zendesk.tickets import SURVEYED_TAG
from tests.conftest import on_sqlite
from tests.support.help_desk import DELAY

OURS = [SURVEYED_TAG, OUR_TAG]


@pytest.fixture
def solved(help_desk, clock):
    """A ticket that is due."""
    number = help_desk.create()
    help_desk.solve(number)
    clock.time += DELAY
    return number


def queue(invitations):
    with invitations.database.reading() as connection:
        return summarise_queue(connection, MESSAGES)


def changes(zendesk):
    """The requests that have changed something at Zendesk."""
    return [request for request in zendesk.requests if request.method != "GET"]


def test_the_ticket_is_marked_before_the_mail_goes(help_desk, invitations, solved, mails):
    tags_then = []
    mails.on_acceptance = lambda: tags_then.extend(help_desk.tags(solved))
    assert invitations.tick() == Sent(sent=1)
    assert tags_then == OURS
    # Our own tag comes back to us, and changes nothing.
    help_desk.tell(solved)
    assert invitations.tick() == Sent()
    assert invitations.outcome() == "sent"
    assert invitations.invitation().means == "smtp"


@on_sqlite
def test_a_ticket_that_changes_after_our_look_is_looked_at_again(
    help_desk, invitations, solved, mails, zendesk, clock, monkeypatch
):
    treat = zendesk.treat

    def change_after_the_look(method, *given):
        treated = treat(method, *given)
        if method == "GET":
            clock.advance(seconds=1)
            zendesk.desk.change(solved, priority="low")
        return treated

    with monkeypatch.context() as patched:
        patched.setattr(zendesk, "treat", change_after_the_look)
        assert invitations.tick() == Sent(waiting=1)
    assert (mails.mails, help_desk.tags(solved)) == ([], [])
    assert queue(invitations).last_reason.startswith("the ticket was changed at Zendesk")
    clock.time += LONGEST_PAUSE
    assert invitations.send() == Sent(sent=1)


def test_whom_the_old_automation_asked_we_do_not_ask(help_desk, invitations, solved, mails, clock):
    invitations.decide()
    help_desk.standin.desk.change(solved, tags=[SURVEYED_TAG])
    assert invitations.send() == Sent()
    kept = invitations.invitation()
    assert (kept.outcome, kept.means) == ("asked", "tag")
    assert kept.asked_at == clock()  # the solution and the delay
    assert mails.mails == []
    assert invitations.ticket().requester_email is None


@on_sqlite
def test_a_ticket_that_zendesk_knows_to_be_open_is_not_asked_about(
    help_desk, invitations, solved, mails, clock
):
    """Its webhook has not come yet."""
    invitations.decide()
    help_desk.standin.desk.write(solved)
    assert invitations.send() == Sent()
    assert (invitations.outcome(), mails.mails) == ("reopened", [])
    clock.advance(hours=1)
    help_desk.solve(solved)
    clock.time += DELAY
    assert invitations.tick() == Sent(sent=1)


@pytest.mark.parametrize("hears_of_the_tag", [True, False])
def test_a_mark_is_taken_back_if_the_customer_was_not_asked_after_all(
    help_desk, invitations, solved, mails, clock, hears_of_the_tag
):
    mails.replies["RCPT"] = "450 4.2.0 greylisted"
    assert invitations.tick() == Sent(waiting=1)
    assert help_desk.tags(solved) == OURS
    if hears_of_the_tag:
        help_desk.tell(solved)
        assert invitations.ticket().requester_email is None
    clock.time += LONGEST_PAUSE
    help_desk.write(solved)
    assert invitations.tick() == Sent()
    assert (invitations.outcome(), help_desk.tags(solved)) == ("reopened", [])
    mails.replies.clear()
    clock.advance(hours=1)
    help_desk.solve(solved)
    clock.time += DELAY
    assert invitations.tick() == Sent(sent=1)
    assert mails.mails[0].recipient == "jane@example.com"
    assert help_desk.tags(solved) == OURS


@on_sqlite
def test_an_answer_of_zendesk_that_is_lost_costs_no_invitation(
    help_desk, invitations, solved, mails, zendesk, clock
):
    """The tag is set, but we do not hear of it."""
    zendesk.behave(accept_then_reset(), times=1, to="/tags.json")
    assert invitations.tick() == Sent(waiting=1)
    assert help_desk.tags(solved) == OURS
    clock.time += LONGEST_PAUSE
    assert invitations.tick() == Sent(sent=1)
    assert len(mails.mails) == 1


@on_sqlite
@pytest.mark.usefixtures("solved")
def test_zendesk_down_for_a_day_loses_nothing_and_nobody_is_asked_twice(
    invitations, mails, zendesk, clock
):
    zendesk.stop()
    for _ in range(24):
        assert invitations.tick() == Sent(waiting=1)
        clock.advance(hours=1)
    assert queue(invitations).last_reason.endswith("cannot be reached: ConnectionError")
    assert mails.mails == []
    zendesk.start()
    assert invitations.tick() == Sent(sent=1)
    assert invitations.tick() == Sent()


@on_sqlite
@pytest.mark.usefixtures("solved")
def test_a_wrong_token_stops_all_and_says_what_to_do(invitations, mails):
    wrong = {"zendesk_email": "nobody@example.com"}
    invitations.settings = invitations.settings.model_copy(update=wrong)
    assert invitations.tick() == Sent(waiting=1)
    assert "check CSAT_ZENDESK_EMAIL" in queue(invitations).last_reason
    assert mails.mails == []


@on_sqlite
def test_a_closed_ticket_is_asked_about(help_desk, invitations, solved):
    help_desk.standin.desk.close(solved)
    assert invitations.tick() == Sent(sent=1)
    assert help_desk.tags(solved) == OURS


@on_sqlite
@pytest.mark.parametrize("what", ["delete", "merge"])
def test_a_ticket_that_is_gone_is_not_asked_about(help_desk, invitations, solved, mails, what):
    getattr(help_desk.standin.desk, what)(solved)
    assert invitations.tick() == Sent()
    assert (invitations.outcome(), mails.mails) == ("excluded", [])


@on_sqlite
@pytest.mark.usefixtures("help_desk")
def test_a_ticket_without_a_number_is_a_dead_letter(invitations, clock):
    invitations.solve("A-1")
    clock.time += DELAY
    assert invitations.tick() == Sent(dead=1)
    (letters,) = queue(invitations).dead
    assert letters.reason == "tickets of Zendesk have numbers; this has none"


class TestByZendesk:
    """Zendesk mails the link that we give it."""

    FIELD = 360001

    @pytest.fixture
    def by_zendesk(self, invitations, help_desk):
        invitations.settings = invitations.settings.model_copy(
            update={"invite": "zendesk", "zendesk_link_field": str(self.FIELD), "smtp_url": None}
        )

    @pytest.mark.usefixtures("by_zendesk")
    def test_the_link_stands_in_the_field_after_the_mark(
        self, help_desk, invitations, solved, zendesk, mails, clock
    ):
        assert invitations.tick() == Sent(sent=1)
        mark, field = changes(zendesk)
        assert mark.path.endswith(f"/tickets/{solved}/tags.json")
        assert field.path.endswith(f"/tickets/{solved}.json")
        link = zendesk.desk.tickets[solved].fields[self.FIELD]
        assert link.startswith(
            "https://survey.example.com/?distinct_id=jane&ticketId=1&team=surveys&lang=de&sig="
        )
        kept = invitations.invitation()
        assert (kept.outcome, kept.means, kept.asked_at) == ("sent", "zendesk", clock())
        assert invitations.ticket().requester_email is None
        assert mails.mails == []

    @on_sqlite
    @pytest.mark.usefixtures("by_zendesk")
    def test_a_closed_ticket_takes_no_link(self, help_desk, invitations, solved):
        help_desk.standin.desk.close(solved)
        assert invitations.tick() == Sent(dead=1)
        (letters,) = queue(invitations).dead
        assert letters.reason == "the ticket is closed: Zendesk takes no link for it any more"
        assert help_desk.tags(solved) == []
