"""What is to stand at Zendesk: how it is found again, and what the webhook makes of any value."""

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from liquid import Environment

from survey.mail.invitation import Mail
from survey.zendesk.rules import (
    MARKER,
    MoreThanOne,
    find_differences,
    find_own,
    make_automation,
    make_trigger,
    make_webhook,
    make_webhook_body,
)

MAIL = Mail("Subject {{ticket.id}}", "", "<table>Body</table>", "")
RULES = (
    make_automation(MAIL, timedelta(hours=72)),
    make_webhook("https://survey.example.com"),
    make_trigger("7", None),
)
# What people and programs can put into a field of one line.
TEXTS = st.text(st.characters(exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=30)


def fill_in(body, tags="", field=None, **ticket):
    """What Zendesk does: it knows Liquid, and escapes nothing by itself."""
    values = {"id": 42, "tags": tags, **({"ticket_field_360": field} if field else {}), **ticket}
    return json.loads(Environment().from_string(body).render(ticket=values))


@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_whatever_zendesk_fills_in_arrives_as_it_was(external_id, group, name, severity):
    # A backslash at the end is lost, as `split` does in Liquid.
    external_id, group, name, severity = (
        text.rstrip("\\") for text in (external_id, group, name, severity)
    )
    sent = fill_in(
        make_webhook_body("360"),
        requester={"external_id": external_id, "name": name, "email": "jane@example.com"},
        group={"name": group},
        field=severity,
    )
    assert sent["ticket_id"] == "42"
    assert sent["requester_external_id"] == external_id
    assert sent["group"] == group
    assert sent["requester_name"] == name
    assert sent["severity"] == severity


def test_what_is_missing_is_blank():
    sent = fill_in(make_webhook_body(None), requester={"external_id": None}, group=None)
    assert {value for name, value in sent.items() if name not in ("ticket_id", "tags")} == {""}
    assert sent["tags"] == [""]


def test_the_body_holds_what_the_site_reads_and_is_json_before_it_is_filled_in():
    names = (
        *("ticket_id", "status", "requester_external_id", "requester_email", "requester_name"),
        *("group", "priority", "severity", "language", "channel", "created_at", "solved_at"),
        *("updated_at", "tags"),
    )
    assert tuple(json.loads(make_webhook_body("360"))) == names
    assert "ticket_field_360" in make_webhook_body("360")


def test_tags_are_a_list():
    sent = fill_in(make_webhook_body(None), tags='vip csat_sent od"d')
    assert sent["tags"] == ["vip", "csat_sent", "odd"]


@pytest.mark.parametrize(
    ("delay", "hours"),
    [
        (timedelta(hours=72), "72"),
        (timedelta(days=1), "24"),
        (timedelta(minutes=90), "2"),
        (timedelta(0), "1"),
    ],
)
def test_the_automation_waits_whole_hours(delay, hours):
    conditions = make_automation(MAIL, delay).body["conditions"]["all"]
    assert {"field": "SOLVED", "operator": "greater_than", "value": hours} in conditions


def test_the_automation_ends_its_own_condition():
    rule = make_automation(MAIL, timedelta(hours=72))
    tag = {"field": "current_tags", "operator": "not_includes", "value": "csat_sent"}
    assert tag in rule.body["conditions"]["all"]
    assert {"field": "current_tags", "value": "csat_sent"} in rule.body["actions"]
    mail = {"field": "notification_user", "value": ["requester_id", MAIL.subject, MAIL.body]}
    assert mail in rule.body["actions"]


@pytest.mark.parametrize(
    "rule",
    [make_automation(MAIL, timedelta(3)), make_webhook("https://x"), make_trigger("7", None)],
)
def test_a_thing_is_found_again_by_its_marker_alone(rule):
    other = {"id": 1, rule.name_field: "Ask customers", "actions": rule.body.get("actions")}
    own = {"id": 2, rule.name_field: f"Renamed by somebody {MARKER}"}
    assert find_own(rule, [other]) is None
    assert find_own(rule, [other, own]) == own
    with pytest.raises(MoreThanOne, match="2, 3"):
        find_own(rule, [other, own, {**own, "id": 3}])


def test_what_people_pause_is_no_difference():
    rule = make_webhook("https://survey.example.com")
    assert find_differences(rule, {**rule.body, "status": "inactive", "id": "1"}) == []
    assert find_differences(rule, {**rule.body, "endpoint": "https://elsewhere"}) == ["endpoint"]
