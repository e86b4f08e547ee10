"""`csat doctor`: what it finds in a real store."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import insert

from survey.clock import now
from survey.store.daily_figures import add_figures
from survey.store.messages import NewMessage, add_messages, mark_dead
from survey.store.models import Channel, WebhookInvocationRow
from survey.store.outbox import postpone
from survey.store.tickets import save_cursor
from survey.vocabulary import DailyFigure, InvitationOutcome, Plan
from tests.support.command import run_csat
from tests.support.invitations import GivenInvitation, invite, keep_ticket, not_asked
from tests.support.settings import SECRET_KEY

ZENDESK = {
    "CSAT_ZENDESK_URL": "https://acme.zendesk.com",
    "CSAT_ZENDESK_EMAIL": "agent@acme.test",
    "CSAT_ZENDESK_TOKEN": "hidden-token",
    "CSAT_ZENDESK_WEBHOOK_SECRET": "hidden-secret",
}
INVITING = {
    "CSAT_INVITE": "smtp",
    "CSAT_SMTP_URL": "smtp://user:hidden-password@127.0.0.1:9",
    "CSAT_MAIL_FROM": "care@acme.test",
}
DAY = timedelta(days=1)


@pytest.fixture
def examine(settings):
    """A function that runs the command, which must not fail, and returns its findings by check."""

    def examine(**given):
        done = run_csat(
            "doctor",
            "--json",
            CSAT_DATABASE_URL=settings.database_url,
            CSAT_SECRET_KEY=SECRET_KEY,
            **given,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert "hidden" not in done.stdout
        told = json.loads(done.stdout)
        assert told["ok"] is True
        found = {}
        for each in told["findings"]:
            found.setdefault(each["check"], []).append((each["level"], each["message"]))
        return found

    return examine


@pytest.mark.usefixtures("database")
def test_an_empty_store_without_a_help_desk_is_fine(examine):
    found = examine()
    channels = {f"outbox {channel}" for channel in Channel}
    assert set(found) == {"settings", "database", "strangers", *channels}
    assert {level for check in found for level, _ in found[check] if check != "settings"} == {"ok"}
    assert any("CSAT_POSTHOG_KEY" in message for _, message in found["settings"])


def test_a_day_with_too_many_made_up_tickets_names_the_setting(database, examine):
    with database.writing() as connection:
        add_figures(connection, {(now().date(), DailyFigure.UNVERIFIED_TICKETS): 9})
    ((level, message),) = examine(CSAT_UNVERIFIED_TICKETS_PER_DAY="10")["strangers"]
    assert level == "warning"
    assert "CSAT_UNVERIFIED_TICKETS_PER_DAY is 10" in message


def test_what_waits_and_what_is_dead_is_told_by_channel(database, examine):
    at = now() - DAY
    new = [
        NewMessage("report", Channel.MAIL, "", "{}", at),
        NewMessage("alert", Channel.ALERT_MAIL, "42", "{}", at),
    ]
    with database.writing() as connection:
        add_messages(connection, new, at)
        postpone(connection, [1], at, "the mail server is busy (450)", "to jane@x: no")
        mark_dead(connection, [2], at, "the recipient was refused (550)", "to jane@x: no")
    found = examine()
    ((level, message),) = found["outbox mail"]
    assert (level, "the mail server is busy (450)" in message) == ("warning", True)
    ((level, message),) = found["outbox alert_mail"]
    assert (level, message.startswith("1 dead letter: `csat outbox`")) == ("warning", True)
    assert "jane" not in str(found)


@pytest.mark.usefixtures("database")
def test_a_help_desk_that_was_never_heard_of_is_a_warning(examine):
    found = examine(**ZENDESK)
    for check in ("zendesk import", "zendesk webhook"):
        assert [level for level, _ in found[check]] == ["warning"]
    for check in ("zendesk priorities", "zendesk teams", "zendesk requesters"):
        assert [level for level, _ in found[check]] == ["ok"]
    assert "invitations" not in found


def test_tickets_that_the_settings_do_not_know_are_told(database, examine):
    at = now()
    keep_ticket(database, "1", solved_at=at - DAY, requester_external_id="jane")
    unknown = {"plan": Plan.UNKNOWN.value, "priority": "blocker", "team": "night_shift"}
    keep_ticket(database, "2", solved_at=at - DAY, requester_email="jane@x", **unknown)
    keep_ticket(database, "3", solved_at=at - 31 * DAY, **unknown)
    invite(database, not_asked("2", InvitationOutcome.NO_ADDRESS, decided_at=at - DAY))
    with database.writing() as connection:
        for stream in ("tickets", "metric_events"):
            save_cursor(connection, stream, "x", at)
        row = {"invocation_id": "01JE", "received_at": at - DAY}
        connection.execute(insert(WebhookInvocationRow), row)
    found = examine(**ZENDESK)
    assert [found[f"zendesk {check}"][0][0] for check in ("import", "webhook")] == ["ok", "ok"]
    ((_, priorities),) = found["zendesk priorities"]
    assert priorities.endswith(": blocker (1); give each a plan in CSAT_ZENDESK_PLANS")
    ((_, teams),) = found["zendesk teams"]
    assert teams.endswith(": night_shift (1); add them to CSAT_TEAMS")
    without_id, without_address = (message for _, message in found["zendesk requesters"])
    assert without_id.startswith("1 of the 2 tickets")
    assert without_address.startswith("1 ticket ")
    assert "jane" not in str(found)


def test_an_import_that_read_one_stream_alone_is_not_done(database, examine):
    with database.writing() as connection:
        save_cursor(connection, "tickets", "x", now())
    assert examine(**ZENDESK)["zendesk import"][0][0] == "warning"


def test_invitations_that_do_not_go_out_are_told(database, examine):
    keep_ticket(database, "1", solved_at=now() - 4 * DAY)
    # The help desk's own invitations are none of ours.
    tagged = GivenInvitation("2", now(), InvitationOutcome.ASKED)
    invite(database, tagged)
    ((level, message),) = examine(**INVITING)["invitations"]
    assert (level, message.startswith("none was sent yet, though")) == ("warning", True)
    invite(database, GivenInvitation("3", now()))
    assert [level for level, _ in examine(**INVITING)["invitations"]] == ["ok"]


def test_a_database_that_is_not_there_is_a_failure_and_ends_the_checks(tmp_path):
    path = tmp_path / "none.db"
    address = f"sqlite:///{path}"
    done = run_csat("doctor", CSAT_DATABASE_URL=address, CSAT_SECRET_KEY=SECRET_KEY, **ZENDESK)
    assert (done.returncode, done.stderr) == (1, "")
    last = done.stdout.splitlines()[-1]
    assert last.startswith("failure  database")
    assert "there is no database" in last
    assert not path.exists()


def test_settings_that_are_wrong_or_missing_are_a_failure(tmp_path):
    wrong = run_csat("doctor", "--json", CSAT_TIMEZONE="Mars/Phobos")
    told = json.loads(wrong.stdout)
    assert (wrong.returncode, told["ok"]) == (1, False)
    assert "CSAT_TIMEZONE" in told["findings"][0]["message"]
    missing = run_csat("doctor", CSAT_DATABASE_URL=f"sqlite:///{tmp_path}/none.db")
    first = missing.stdout.splitlines()[0]
    assert first.startswith("failure  settings  CSAT_SECRET_KEY is not set.")
