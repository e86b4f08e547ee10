"""`csat zendesk automation` and `webhook`: printed, foretold, and brought to Zendesk once."""

import json

import pytest

from demo.behaviour import ACCEPT, accept_then_reset
from demo.zendesk_standin import ZendeskStandIn
from tests.support.clock import Clock
from tests.support.command import run_csat

BASE = {"CSAT_BASE_URL": "https://survey.example.com"}


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def zendesk(clock):
    with ZendeskStandIn(clock=clock) as standin:
        yield standin


@pytest.fixture
def run(zendesk):
    names = ("zendesk_url", "zendesk_email", "zendesk_token")
    given = {f"CSAT_{name.upper()}": zendesk.settings[name] for name in names}

    def run(*arguments, **more):
        return run_csat("zendesk", *arguments, **{**BASE, **given, **more})

    return run


def changes_at(zendesk):
    return [request.method for request in zendesk.requests if request.method != "GET"]


def test_without_zendesk_the_automation_is_plain_json_to_paste():
    done = run_csat("zendesk", "automation", "--language", "de", **BASE)
    assert (done.returncode, done.stderr) == (0, "")
    automation = json.loads(done.stdout)["automation"]
    _, subject, body = automation["actions"][0]["value"]
    assert "Ihre" in subject
    assert "lang=de" in body


def test_it_says_first_what_it_would_do(run, zendesk):
    done = run("automation")
    assert json.loads(done.stdout)
    assert "would be created" in done.stderr
    assert changes_at(zendesk) == []


def test_the_automation_is_made_once_and_put_back_when_it_was_changed(run, zendesk):
    made = run("automation", "--apply")
    assert made.returncode == 0, made.stderr
    assert "was created" in made.stdout
    assert "stands as it should" in run("automation", "--apply").stdout
    (automation,) = zendesk.rules.objects["automations"]
    automation["conditions"]["all"].pop()
    automation["active"] = False
    assert "would be changed: conditions" in run("automation").stderr
    assert "was changed: conditions" in run("automation", "--apply").stdout
    (automation,) = zendesk.rules.objects["automations"]
    assert len(automation["conditions"]["all"]) == 3
    assert not automation["active"]  # somebody paused it
    assert changes_at(zendesk) == ["POST", "PUT"]


def test_the_automation_of_somebody_else_is_left_alone(run, zendesk):
    run("automation", "--apply")
    (ours,) = zendesk.rules.objects["automations"]
    theirs = {**ours, "id": 1, "title": "CSAT of old"}
    zendesk.rules.objects["automations"][:] = [dict(theirs)]
    run("automation", "--apply")
    assert zendesk.rules.objects["automations"][0] == theirs
    assert len(zendesk.rules.objects["automations"]) == 2


def test_two_automations_with_the_tag_ask_nobody_twice(run, zendesk, clock):
    run("automation", "--apply")
    (ours,) = zendesk.rules.objects["automations"]
    zendesk.rules.objects["automations"].append({**ours, "id": 1, "title": "CSAT of old"})
    desk = zendesk.desk
    number = desk.create_ticket(desk.add_user("jane@example.com"))
    desk.solve(number)
    clock.advance(hours=72)
    assert zendesk.rules.run_automations() == 0
    clock.advance(minutes=1)
    assert zendesk.rules.run_automations() == 1
    clock.advance(hours=1)
    assert zendesk.rules.run_automations() == 0
    assert desk.tickets[number].tags == ["csat_sent"]


def test_after_an_answer_that_was_lost_no_second_one_is_made(run, zendesk):
    zendesk.behave(ACCEPT, 1, to="webhooks")
    zendesk.behave(accept_then_reset(), 1, to="webhooks")
    lost = run("webhook", "--apply")
    assert (lost.returncode, "cannot be reached" in lost.stderr) == (1, True)
    assert run("webhook", "--apply").returncode == 0
    assert len(zendesk.rules.objects["webhooks"]) == len(zendesk.rules.objects["triggers"]) == 1


def test_the_webhook_and_its_trigger_belong_together(run, zendesk):
    done = run("webhook", "--apply")
    assert done.returncode == 0, done.stderr
    (hook,) = zendesk.rules.objects["webhooks"]
    (trigger,) = zendesk.rules.objects["triggers"]
    assert hook["endpoint"] == "https://survey.example.com/hooks/zendesk"
    assert trigger["actions"][0]["value"][0] == hook["id"]
    assert "Reveal secret" in done.stderr
    again = run("webhook", "--apply", CSAT_ZENDESK_WEBHOOK_SECRET="s")
    assert again.stdout.count("stands as it should") == 2
    assert again.stderr == ""
    assert (
        "would be changed: endpoint" in run("webhook", CSAT_BASE_URL="https://other.example").stderr
    )
    assert changes_at(zendesk) == ["POST", "POST"]


def test_the_body_to_paste_is_that_of_the_trigger(run):
    printed = json.loads(run("webhook").stdout)["trigger"]["actions"][0]["value"][1]
    assert run("webhook", "--body").stdout == printed + "\n"


def test_things_beyond_the_first_page_are_found(run, zendesk):
    for number in range(130):
        zendesk.rules.create(
            "triggers",
            {"title": f"{number}", "actions": [{}], "conditions": {"all": [{"field": "status"}]}},
        )
    run("webhook", "--apply")
    assert "stands as it should" in run("webhook", "--apply").stdout.splitlines()[1]
    assert len(zendesk.rules.objects["triggers"]) == 131


@pytest.mark.parametrize("command", ["automation", "webhook"])
def test_an_address_that_nobody_else_can_reach_is_refused(run, zendesk, command):
    done = run(command, "--apply", CSAT_BASE_URL="http://127.0.0.1:8000")
    assert done.returncode == 1
    assert "CSAT_BASE_URL" in done.stderr
    assert zendesk.requests == []


def test_without_zendesk_nothing_can_be_applied():
    done = run_csat("zendesk", "webhook", "--apply", **BASE)
    assert done.returncode == 1
    assert "CSAT_ZENDESK_URL is not set" in done.stderr


def test_it_mails_no_links_that_the_site_would_refuse(run):
    done = run("automation", CSAT_LINK_SECRET="s", CSAT_REQUIRE_SIGNED_LINKS="true")
    assert done.returncode == 1
    assert "CSAT_REQUIRE_SIGNED_LINKS" in done.stderr


def test_a_wrong_token_is_named_and_not_shown(run):
    done = run("automation", "--apply", CSAT_ZENDESK_TOKEN="wr0ng")
    assert done.returncode == 1
    assert "CSAT_ZENDESK_TOKEN" in done.stderr
    assert "wr0ng" not in done.stderr + done.stdout


def test_who_asks_by_itself_is_told_that_no_automation_is_needed(run):
    settings = {"CSAT_INVITE": "smtp", "CSAT_SMTP_URL": "smtp://localhost"}
    done = run("automation", **settings, CSAT_MAIL_FROM="csat@example.com")
    assert "needs no automation" in done.stderr


def test_hours_are_those_of_the_settings(run):
    conditions = json.loads(run("automation", CSAT_SURVEY_DELAY="24h").stdout)["automation"][
        "conditions"
    ]["all"]
    assert {"24"} == {each["value"] for each in conditions if each["field"] == "SOLVED"}
