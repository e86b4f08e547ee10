"""The automation, the webhook and its trigger, as they are to stand at Zendesk. Pure."""

import json
import math
from base64 import b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from survey.errors import CsatError
from survey.mail.invitation import Mail
from survey.zendesk.tickets import SURVEYED_TAG

Json = Mapping[str, Any]

# By this part of their names we find our own things again.
MARKER = "[csat survey]"
HOOK_PATH = "/hooks/zendesk"
# What stands for the id of a webhook that nobody has made yet.
NO_WEBHOOK = "<id of the webhook>"
# What a new thing is besides. Afterwards people say whether it is active.
ACTIVE: Mapping[str, Json] = {
    "automations": {"active": True},
    "triggers": {"active": True},
    "webhooks": {"status": "active"},
}


class MoreThanOne(CsatError):
    """Several things at Zendesk bear our marker."""


@dataclass(frozen=True)
class Rule:
    """One thing at Zendesk: its kind, as the API names the list of them, and what is to stand in
    it. `name_field` holds its name."""

    kind: str
    name_field: str
    body: Json

    @property
    def name(self) -> str:
        """The thing in words, as people find it at Zendesk."""
        return f'the {self.kind.removesuffix("s")} "{self.body[self.name_field]}"'


def make_automation(mail: Mail, survey_delay: timedelta) -> Rule:
    """Return the automation that mails the invitation some time after a ticket was solved."""
    hours = max(1, math.ceil(survey_delay / timedelta(hours=1)))
    body = {
        "title": f"Ask the customer of a solved ticket how it was {MARKER}",
        "conditions": {
            "all": [
                {"field": "status", "operator": "is", "value": "solved"},
                # Not `is`: a run that is missed would leave the ticket out.
                {"field": "SOLVED", "operator": "greater_than", "value": str(hours)},
                {"field": "current_tags", "operator": "not_includes", "value": SURVEYED_TAG},
            ],
            "any": [],
        },
        "actions": [
            {"field": "notification_user", "value": ["requester_id", mail.subject, mail.body]},
            {"field": "current_tags", "value": SURVEYED_TAG},
        ],
    }
    return Rule("automations", "title", body)


def make_webhook(base_url: str) -> Rule:
    """Return the webhook that tells the site of tickets."""
    body = {
        "name": f"Tell the survey of tickets {MARKER}",
        "description": "Sends solved, reopened and changed tickets to the satisfaction survey.",
        "endpoint": base_url + HOOK_PATH,
        "http_method": "POST",
        "request_format": "json",
        "subscriptions": ["conditional_ticket_events"],
    }
    return Rule("webhooks", "name", body)


def make_trigger(webhook_id: str, severity_field: str | None) -> Rule:
    """Return the trigger that sends the webhook, for every ticket that is created or changed."""
    body = {
        "title": f"Tell the survey of a ticket {MARKER}",
        "conditions": {
            "all": [],
            "any": [
                {"field": "update_type", "operator": "is", "value": "Create"},
                {"field": "update_type", "operator": "is", "value": "Change"},
            ],
        },
        "actions": [
            {
                "field": "notification_webhook",
                "value": [webhook_id, make_webhook_body(severity_field)],
            }
        ],
    }
    return Rule("triggers", "title", body)


def make_webhook_body(severity_field: str | None) -> str:
    """Return the JSON that the webhook sends, with Zendesk's placeholders.

    It is JSON before Zendesk fills it in, too, so that no editor finds fault with it: the marks
    that values must not hold as they are stand in variables.
    """
    severity = "" if severity_field is None else _fill_in(f"ticket.ticket_field_{severity_field}")
    body = {
        "ticket_id": _MARKS + "{{ticket.id}}",
        "status": _fill_in("ticket.status"),
        "requester_external_id": _fill_in("ticket.requester.external_id"),
        "requester_email": _fill_in("ticket.requester.email"),
        "requester_name": _fill_in("ticket.requester.name"),
        "group": _fill_in("ticket.group.name"),
        "priority": _fill_in("ticket.priority"),
        "severity": severity,
        "language": _fill_in("ticket.requester.locale"),
        "channel": _fill_in("ticket.via"),
        "created_at": "{{ticket.created_at_with_timestamp}}",
        # Zendesk has no placeholder for it. The site takes the time at which it is told.
        "solved_at": "",
        "updated_at": "{{ticket.updated_at_with_timestamp}}",
        # Zendesk gives tags as words with spaces between.
        "tags": ["{{ticket.tags | remove: quote | split: ' ' | join: between}}"],
    }
    return json.dumps(body, indent=2)


def _fill_in(value: str) -> str:
    """Return a placeholder whose value may hold quotes and backslashes.

    Zendesk's Liquid has no filter for JSON. Its `replace` would write one backslash where two are
    asked for, so they are doubled by splitting and joining.
    """
    escape = "strip_newlines | split: slash | join: slashes | replace: quote, escaped"
    return f"{{{{{value} | {escape}}}}}"


def _assign(name: str, text: str) -> str:
    encoded = b64encode(text.encode()).decode()
    return f"{{% assign {name} = '{encoded}' | base64_decode %}}"


_MARKS = "".join(
    (
        _assign("slash", "\\"),
        _assign("slashes", "\\\\"),
        _assign("quote", '"'),
        _assign("escaped", '\\"'),
        _assign("between", '","'),
    )
)


def find_own(rule: Rule, listed: Iterable[Json]) -> Json | None:
    """Return our own thing among those of its kind; None if it is not there. Raise MoreThanOne if
    there are several."""
    own = [each for each in listed if MARKER in str(each.get(rule.name_field, ""))]
    if len(own) > 1:
        numbers = ", ".join(str(each.get("id")) for each in own)
        raise MoreThanOne(
            f"at Zendesk, the names of {len(own)} {rule.kind} hold {MARKER} (ids {numbers}): "
            "delete all but one, then run this again"
        )
    return own[0] if own else None


def find_differences(rule: Rule, found: Json) -> list[str]:
    """Return the names of what differs in a thing. Whether it is active is for people to say."""
    return [name for name, value in rule.body.items() if found.get(name) != value]
