"""`csat zendesk`: the group of its commands."""

import click

from survey.commands.zendesk_mail import template
from survey.commands.zendesk_rules import automation, webhook
from survey.commands.zendesk_tickets import import_tickets, plan


@click.group()
def zendesk() -> None:
    """Working with Zendesk."""


for command in (import_tickets, plan, webhook, automation, template):
    zendesk.add_command(command)
