"""`csat invite`: asks whoever is due, or only says whom it would."""

import pytest

from survey.clock import now
from tests.conftest import on_sqlite
from tests.support.command import run_csat
from tests.support.help_desk import DELAY, Invitations
from tests.support.mail_server import mail_server
from tests.support.settings import SECRET_KEY


@pytest.fixture
def mails():
    with mail_server() as server:
        yield server


@pytest.fixture
def variables(database_url, mails):
    return {
        "CSAT_DATABASE_URL": database_url,
        "CSAT_SECRET_KEY": SECRET_KEY,
        "CSAT_INVITE": "smtp",
        "CSAT_SMTP_URL": mails.url,
        "CSAT_MAIL_FROM": "care@example.com",
    }


@pytest.fixture
def invitations(database, settings, clock):
    clock.time = now() - DELAY
    return Invitations(database, settings, clock)


@on_sqlite
def test_it_asks_and_says_what_it_did(invitations, variables, mails):
    invitations.solve("1")
    invitations.solve("2", requester_external_id="sam", requester_email=None)
    trial = run_csat("invite", "--dry-run", **variables)
    assert (trial.returncode, trial.stdout) == (
        0,
        "1  would be asked\n2  would not be asked: no_address\n",
    )
    assert (mails.mails, invitations.outcome("2")) == ([], None)
    done = run_csat("invite", **variables)
    assert (done.returncode, done.stdout) == (
        0,
        "1 to ask, 1 not asked (1 no_address).\n1 sent.\n",
    )
    assert [mail.recipient for mail in mails.mails] == ["jane@example.com"]
    again = run_csat("invite", **variables)
    assert again.stdout.startswith("No ticket is due.\n0 sent.")
    assert run_csat("invite", "--dry-run", **variables).stdout == "No ticket is due.\n"


@on_sqlite
def test_what_was_refused_is_told(invitations, variables, mails):
    mails.replies["RCPT"] = "550 5.1.1 no such user"
    invitations.solve("1")
    told = run_csat("invite", **variables)
    assert (told.returncode, told.stdout) == (1, "1 to ask.\n0 sent.\n")
    assert "0 not accepted yet, 1 refused: `csat outbox` says why." in told.stderr
    shown = run_csat("outbox", **variables).stdout
    assert "the mail server refused the recipient (550)" in shown


@on_sqlite
def test_tick_asks_too(invitations, variables, mails):
    invitations.solve("1")
    done = run_csat("tick", **variables)
    assert (done.returncode, done.stdout) == (0, "invitations: 1 to ask\nmessages: 1 sent\n")
    assert len(mails.mails) == 1


@on_sqlite
def test_off_it_is_refused_with_words_and_tick_asks_nobody(invitations, variables, mails):
    invitations.solve("1")
    off = {**variables, "CSAT_INVITE": "off"}
    refused = run_csat("invite", **off)
    assert refused.returncode == 1
    assert "CSAT_INVITE is off, so nobody is asked. Set it to smtp" in refused.stderr
    assert run_csat("tick", **off).stdout == "Nothing was due.\n"
    assert mails.mails == []


@on_sqlite
def test_without_a_secret_key_it_says_what_to_do(invitations, variables):
    invitations.solve("1")
    del variables["CSAT_SECRET_KEY"]
    refused = run_csat("invite", **variables)
    assert refused.returncode == 1
    assert "CSAT_SECRET_KEY is not set" in refused.stderr
