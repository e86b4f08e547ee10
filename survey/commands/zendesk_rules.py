"""`csat zendesk automation` and `csat zendesk webhook`: Zendesk's side, set up as code."""

import json
from contextlib import closing
from urllib.parse import urlsplit

import click

from survey.commands.zendesk_mail import language_option, print_to_paste, render_invitation
from survey.settings import Settings, SettingsError, load_settings
from survey.zendesk.applying import Change, apply, compare, describe
from survey.zendesk.client import ZendeskClient
from survey.zendesk.rules import (
    ACTIVE,
    NO_WEBHOOK,
    Rule,
    make_automation,
    make_trigger,
    make_webhook,
    make_webhook_body,
)

_LOCAL_HOSTS = ("127.0.0.1", "localhost", "::1")

apply_option = click.option(
    "--apply", "is_applied", is_flag=True, help="Create or change it at Zendesk, by its API."
)


@click.command()
@language_option
@apply_option
def automation(tag: str, is_applied: bool) -> None:
    """Print the automation that mails the invitation, as JSON for POST /api/v2/automations.

    It mails the invitation of `csat zendesk template` to the customer of a ticket that was solved
    more than CSAT_SURVEY_DELAY ago and has no tag csat_sent, and adds the tag, by which nobody is
    asked twice: neither by it, nor by another automation with the same tag, nor by CSAT_INVITE.

    Where CSAT_ZENDESK_URL is set, it also says what would change there; --apply does that. It finds
    its own automation again by "[csat survey]" in the title, never makes a second one, and leaves
    alone whether it is active.
    """
    settings = load_settings()
    rule = make_automation(render_invitation(settings, tag), settings.survey_delay)
    if is_applied:
        _apply_all(settings, [rule])
    else:
        _print_json(rule)
        _foretell(settings, [rule])
    if settings.invite != "off":
        click.echo(
            f"CSAT_INVITE is {settings.invite}: the survey asks customers by itself, and needs no "
            "automation. The tag csat_sent keeps the two from asking anybody twice.",
            err=True,
        )


@click.command()
@click.option("--body", "is_body", is_flag=True, help="Print only the JSON body of the trigger.")
@apply_option
def webhook(is_body: bool, is_applied: bool) -> None:
    """Print the webhook that tells the site of tickets, and the trigger that sends it, as JSON for
    POST /api/v2/webhooks and POST /api/v2/triggers.

    Where CSAT_ZENDESK_URL is set, it also says what would change there; --apply does that. It finds
    its own things again by "[csat survey]" in their names, never makes second ones, and leaves
    alone whether they are active.

    \b
    By hand, in Admin Center:
      Apps and integrations > Webhooks > Create webhook > Trigger or automation
        Endpoint URL CSAT_BASE_URL/hooks/zendesk, method POST, format JSON
      Objects and rules > Triggers > Add trigger
        Meet any: Ticket is created, Ticket is updated
        Notify by active webhook, with the body that --body prints

    Zendesk signs what it sends. Set CSAT_ZENDESK_WEBHOOK_SECRET to the webhook's signing secret:
    Apps and integrations > Webhooks > the webhook > Reveal secret.
    """
    settings = load_settings()
    if is_body:
        print_to_paste(make_webhook_body(settings.zendesk_severity_field))
        return
    hook = make_webhook(settings.base_url)
    if is_applied:
        _apply_webhook(settings, hook)
    else:
        _print_json(hook, make_trigger(NO_WEBHOOK, settings.zendesk_severity_field))
        _foretell_webhook(settings, hook)
    if settings.zendesk_webhook_secret is None:
        click.echo(
            "CSAT_ZENDESK_WEBHOOK_SECRET is not set, so the site takes no webhook yet. Set it to "
            "the signing secret (Admin Center > Apps and integrations > Webhooks > the webhook > "
            "Reveal secret), and restart the site.",
            err=True,
        )


def _print_json(*rules: Rule) -> None:
    bodies = {rule.kind.removesuffix("s"): {**rule.body, **ACTIVE[rule.kind]} for rule in rules}
    print_to_paste(json.dumps(bodies, indent=2, ensure_ascii=False))


def _foretell(settings: Settings, rules: list[Rule]) -> None:
    """Say what would change at Zendesk, if it is known where that is."""
    if settings.zendesk_url is None:
        return
    with closing(ZendeskClient.of(settings)) as client:
        for rule in rules:
            _say(compare(client, rule))


def _foretell_webhook(settings: Settings, hook: Rule) -> None:
    if settings.zendesk_url is None:
        return
    with closing(ZendeskClient.of(settings)) as client:
        change = compare(client, hook)
        _say(change)
        trigger = make_trigger(change.number or NO_WEBHOOK, settings.zendesk_severity_field)
        _say(compare(client, trigger))


def _say(change: Change) -> None:
    click.echo(describe(change, is_done=False), err=True)


def _apply_all(settings: Settings, rules: list[Rule]) -> None:
    _require_public_address(settings)
    with closing(ZendeskClient.of(settings)) as client:
        for rule in rules:
            _apply(client, rule)


def _apply_webhook(settings: Settings, hook: Rule) -> None:
    _require_public_address(settings)
    with closing(ZendeskClient.of(settings)) as client:
        number = _apply(client, hook)
        _apply(client, make_trigger(number, settings.zendesk_severity_field))


def _apply(client: ZendeskClient, rule: Rule) -> str:
    change = compare(client, rule)
    number = apply(client, change)
    click.echo(describe(change, is_done=True))
    return number


def _require_public_address(settings: Settings) -> None:
    """Raise SettingsError where Zendesk, or a customer, could not reach the site."""
    if urlsplit(settings.base_url).hostname in _LOCAL_HOSTS:
        raise SettingsError(
            f"CSAT_BASE_URL is {settings.base_url}, which only this machine can reach. Set it to "
            "the site's public address first."
        )
