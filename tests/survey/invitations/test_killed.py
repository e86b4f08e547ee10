"""kill −9 between any two steps: only a kill between the acceptance of the mail and our record of
it repeats the mail, under the same Message-ID."""

from datetime import timedelta

import pytest

from survey.clock import now
from survey.messages.worker import LEASE
from tests.support.help_desk import DELAY
from tests.support.killing import run_killed
from tests.support.settings import SECRET_KEY

STEPS = {
    "before the decision is kept": ("survey.store.database:Database.lock_invitations", "after"),
    "before it is claimed": ("survey.messages.worker:send_due", "before"),
    "when it is claimed": ("survey.invitations.sending:_InvitationPreparer.prepare", "before"),
    "before the mark": ("survey.zendesk.marking:TicketMarker.mark", "before"),
    "after the mark": ("survey.zendesk.marking:TicketMarker.mark", "after"),
    "after the mail": ("survey.messages.smtp:SmtpSender.send", "after"),
    "in the record": ("survey.store.messages:mark_sent", "after"),
    "after the record": ("survey.messages.worker:_Queue._record_acceptance", "after"),
}
REPEATS = {"after the mail", "in the record"}


@pytest.mark.parametrize("step", STEPS)
def test_the_customer_is_asked_once(step, help_desk, invitations, clock, mails, database_url):
    clock.time = now() - DELAY - timedelta(seconds=1)
    number = help_desk.create()
    help_desk.solve(number)
    # Those of this process, which sends the mail again.
    variables = {
        "CSAT_SECRET_KEY": SECRET_KEY,
        "CSAT_DATABASE_URL": database_url,
        "CSAT_BASE_URL": invitations.settings.base_url,
        "CSAT_INVITE": "smtp",
        "CSAT_SMTP_URL": mails.url,
        "CSAT_MAIL_FROM": invitations.settings.mail_from,
        **{f"CSAT_{name.upper()}": text for name, text in help_desk.standin.settings.items()},
    }
    clock.time = now()
    assert run_killed(*STEPS[step], "invite", **variables) == -9
    # What the help desk tells meanwhile, our own tag included, changes nothing.
    help_desk.tell(number)
    clock.time = now() + LEASE
    for _ in range(2):
        invitations.tick()
    ids = [mail.message["Message-ID"] for mail in mails.mails]
    assert len(ids) == (2 if step in REPEATS else 1)
    assert len(set(ids)) == 1
    assert invitations.outcome(str(number)) == "sent"
