"""`csat zendesk import` and `plan`, as a person runs them."""

from datetime import UTC, datetime, timedelta

import pytest

from demo.behaviour import answer
from demo.zendesk_standin import ZendeskStandIn
from survey.store.tickets import find_ticket
from survey.vocabulary import Plan
from tests.conftest import on_sqlite
from tests.support.clock import Clock
from tests.support.command import run_csat
from tests.support.settings import SECRET_KEY

pytestmark = [on_sqlite, pytest.mark.usefixtures("database")]


@pytest.fixture
def zendesk():
    # Now, because the command has no other time.
    clock = Clock(datetime.now(UTC) - timedelta(hours=1))
    with ZendeskStandIn(clock=clock) as standin:
        jane = standin.desk.add_user("jane@example.com", "jane")
        standin.desk.reply(standin.desk.create_ticket(jane, priority="low"), "solved")
        clock.advance(hours=1)
        yield standin


@pytest.fixture
def run(zendesk, database_url):
    names = ("zendesk_url", "zendesk_email", "zendesk_token")
    given = {f"CSAT_{name.upper()}": zendesk.settings[name] for name in names}
    given |= {"CSAT_DATABASE_URL": database_url, "CSAT_SECRET_KEY": SECRET_KEY}

    def run(*arguments, **more):
        return run_csat("zendesk", *arguments, **{**given, **more})

    return run


def test_an_import_says_what_it_read_and_a_plan_is_corrected_for_good(run, database):
    done = run("import")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "1 tickets and 2 events of replies were read\n"
    corrected = run("plan", "--ticket", "1", "--plan", "enterprise")
    assert corrected.stdout == "ticket 1 has the plan enterprise now, whatever its priority says\n"
    assert run("import", "--since", "2026-01-01").returncode == 0
    with database.reading() as connection:
        ticket = find_ticket(connection, "1")
    assert (ticket.plan, ticket.priority) == (Plan.ENTERPRISE, "low")


def test_a_ticket_that_is_not_kept_has_no_plan(run):
    done = run("plan", "--ticket", "4711", "--plan", "free")
    assert done.returncode == 1
    assert done.stderr == (
        "csat: ticket 4711 is not kept; `csat zendesk import` or the webhook brings it\n"
    )
    assert run("plan", "--ticket", "1", "--plan", "gold").returncode == 2


def test_a_limit_is_waited_for(run, zendesk):
    zendesk.behave(answer(429, {}, {"Retry-After": "1"}), 1)
    assert run("import").returncode == 0


@pytest.mark.parametrize("day", ["yesterday", "2999-01-01"])
def test_a_day_that_cannot_be_read_or_has_not_come_is_bad_usage(run, zendesk, day):
    done = run("import", "--since", day)
    assert done.returncode == 2
    assert "--since" in done.stderr
    assert zendesk.requests == []


def test_what_is_missing_is_named(run, zendesk):
    done = run("import", CSAT_ZENDESK_URL="")
    assert done.returncode == 1
    assert "CSAT_ZENDESK_URL is not set" in done.stderr
    assert zendesk.requests == []


def test_a_refusal_is_one_line_without_a_traceback(run, zendesk):
    zendesk.behave(answer(403))
    done = run("import")
    assert done.returncode == 1
    assert done.stderr.startswith("csat: Zendesk answered 403")
    assert done.stderr.count("\n") == 1
