"""`csat outbox`: events and messages, apart."""

import json

import pytest

from survey.commands.outbox import CHANNELS
from survey.store.messages import NewMessage, add_messages, mark_dead
from survey.store.models import Channel
from survey.store.outbox import MESSAGES, postpone
from tests.conftest import on_sqlite
from tests.support.command import run_csat

EVENTS = {
    *("waiting", "oldest_at", "oldest_seconds", "last_reason", "error_message"),
    *("delivered", "per_minute", "dead", "dead_total", "quota_probe_at"),
}


@pytest.fixture
def csat(settings):
    return lambda *arguments: run_csat(*arguments, CSAT_DATABASE_URL=settings.database_url)


@pytest.fixture
def _filled(database, clock, fill):
    """Two events, a mail that was deferred, and an alert that was refused."""
    fill(2)
    new = [
        NewMessage("report", Channel.MAIL, "", "{}", clock()),
        NewMessage("alert", Channel.ALERT_MAIL, "42", "{}", clock()),
    ]
    with database.writing() as connection:
        add_messages(connection, new, clock())
        postpone(connection, [3], clock(), "the mail server did not take it yet (450)", "\x1b[2J")
        mark_dead(
            connection, [4], clock(), "the mail server refused the recipient (550)", "to a@x: no"
        )


@on_sqlite
@pytest.mark.usefixtures("_filled")
def test_events_and_messages_are_told_apart(csat):
    lines = csat("outbox").stdout.splitlines()
    assert lines[0].startswith("waiting    2 (the oldest for ")
    assert "dead       0" in lines
    (messages,) = [line for line in lines if line.startswith("messages")]
    assert messages.startswith("messages   1 waiting (the oldest for ")
    assert messages.endswith("), 1 dead")
    rest = [line.strip() for line in lines[lines.index(messages) + 1 :]]
    assert rest == [
        "waiting: 1 × mail",
        "last reason: the mail server did not take it yet (450)",
        "its receiver said: ?[2J",
        "`csat tick` tries again, at the latest after 15 min",
        "1 × alert by mail: the mail server refused the recipient (550) (ID 4)",
        "ticket 42",
        "its receiver said of the first: to a@x: no",
        "`csat outbox retry` sends them again, all or those named by ID",
    ]


@on_sqlite
@pytest.mark.usefixtures("_filled")
def test_programs_find_events_where_they_were_and_messages_beside_them(csat):
    given = json.loads(csat("outbox", "--json").stdout)
    assert set(given) == EVENTS | {"messages"}
    assert (given["waiting"], given["dead"], given["last_reason"]) == (2, [], None)
    assert given["messages"]["waiting"] == 1
    assert given["messages"]["waiting_by_channel"] == {"mail": 1}
    assert given["messages"]["dead"][0]["channel"] == "alert_mail"
    assert given["messages"]["oldest_seconds"] >= 0
    assert given["messages"]["dead"][0]["tickets"] == ["42"]


@on_sqlite
def test_what_goes_to_tickets_is_named_in_words(csat, database, clock):
    new = [NewMessage(f"m{n}", Channel.ZENDESK, str(n), "", clock()) for n in range(3)]
    new.append(NewMessage("report", Channel.MAIL, "", "{}", clock()))
    with database.writing() as connection:
        add_messages(connection, new, clock())
        mark_dead(connection, [1], clock(), "Zendesk refused: RecordNotFound", "")
    printed = csat("outbox").stdout
    assert "waiting: 1 × mail, 2 × tag or note for Zendesk" in printed
    assert "1 × tag or note for Zendesk: Zendesk refused: RecordNotFound (ID 1)" in printed


def test_every_channel_of_messages_has_its_words():
    assert set(MESSAGES) <= set(CHANNELS)


@on_sqlite
@pytest.mark.usefixtures("_filled")
def test_dead_messages_are_sent_again_like_events(csat):
    assert csat("outbox", "retry").stdout == "1 dead letter waits for delivery again.\n"
    assert json.loads(csat("outbox", "--json").stdout)["messages"]["waiting"] == 2
