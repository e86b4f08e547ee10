"""Brings what is to stand at Zendesk there, once."""

from dataclasses import dataclass

from survey.zendesk.client import ZendeskClient
from survey.zendesk.rules import ACTIVE, Rule, find_differences, find_own


@dataclass(frozen=True)
class Change:
    """What has to change at Zendesk for a thing: `number` is its id there, None if it is not there
    yet; `differences` names what differs."""

    rule: Rule
    number: str | None
    differences: list[str]

    @property
    def is_needed(self) -> bool:
        """Whether anything has to change."""
        return self.number is None or bool(self.differences)


def compare(client: ZendeskClient, rule: Rule) -> Change:
    """Return what has to change at Zendesk; ask, and change nothing. Raises ZendeskError, and
    MoreThanOne."""
    found = find_own(rule, client.list_rules(rule.kind))
    if found is None:
        return Change(rule, None, [])
    return Change(rule, str(found["id"]), find_differences(rule, found))


def apply(client: ZendeskClient, change: Change) -> str:
    """Make the change, if one is needed; return the id of the thing. Raises ZendeskError."""
    rule = change.rule
    if change.number is None:
        return str(client.create_rule(rule.kind, {**rule.body, **ACTIVE[rule.kind]})["id"])
    if change.differences:
        # Zendesk clears what a change of conditions or actions leaves out, so all is sent.
        client.update_rule(rule.kind, change.number, rule.body)
    return change.number


def describe(change: Change, *, is_done: bool) -> str:
    """Return a change in words: what would be changed, or what was."""
    if not change.is_needed:
        return f"{change.rule.name} stands as it should"
    verb = "was" if is_done else "would be"
    if change.number is None:
        return f"{change.rule.name} {verb} created"
    return f"{change.rule.name} {verb} changed: {', '.join(change.differences)}"
