"""`csat outbox`: show which events and messages wait, and what was refused."""

import json
from dataclasses import asdict
from datetime import datetime, timedelta

import click

from survey.clock import now
from survey.delivery.answer import printable
from survey.errors import CsatError
from survey.settings import load_settings
from survey.store.database import LARGEST_ID
from survey.store.models import Channel
from survey.store.outbox import (
    MESSAGES,
    DeadLetters,
    OutboxSummary,
    QueueSummary,
    requeue,
    summarise,
    summarise_queue,
)
from survey.store.quota import probe_at_once
from survey.store.schema import open_store

# What stands under a line that begins with a name.
INDENT = " " * 11
CHANNELS = {
    Channel.ALERT_WEBHOOK: "alert by webhook",
    Channel.ALERT_MAIL: "alert by mail",
    Channel.MAIL: "mail",
    Channel.INVITATION: "invitation",
    Channel.ZENDESK: "tag or note for Zendesk",
}


class NoSuchLetter(CsatError):
    """There is no dead letter with this id."""


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="The same as JSON, for programs.")
@click.pass_context
def outbox(context: click.Context, as_json: bool) -> None:
    """How many events wait for PostHog, and how many messages for teams and tickets; how old they
    are, and what was refused and why.

    Dead letters are events and messages that their receiver can never accept as they are; they are
    kept with its own words, and `csat outbox retry` sends them again.
    """
    if context.invoked_subcommand is not None:
        return
    database = open_store(load_settings().database_url)
    at = now()
    with database.reading() as connection:
        events, messages = summarise(connection, at), summarise_queue(connection, MESSAGES)
    click.echo((as_json_text if as_json else as_text)(events, messages, at))


@outbox.command()
@click.argument("ids", metavar="[ID]...", nargs=-1, type=click.IntRange(1, LARGEST_ID))
@click.option("--all", "all_of_them", is_flag=True, help="All of them; so it is without IDs, too.")
def retry(ids: tuple[int, ...], all_of_them: bool) -> None:
    """Send dead letters again, after what they were refused for was mended.

    Also try at once whether PostHog takes events again, if it drops them for its quota.
    """
    if ids and all_of_them:
        raise click.UsageError("name IDs or --all, not both")
    database = open_store(load_settings().database_url)
    with database.writing() as connection:
        requeued = requeue(connection, now(), list(ids) or None)
        if missing := sorted(set(ids) - set(requeued)):
            # Raise inside the transaction, so that all named letters are sent again, or none.
            raise NoSuchLetter(f"no dead letter has the id {', '.join(map(str, missing))}")
        probe_at_once(connection, now())
    letters = "1 dead letter waits" if len(requeued) == 1 else f"{len(requeued)} dead letters wait"
    click.echo(f"{letters} for delivery again.")


def as_text(events: OutboxSummary, messages: QueueSummary, at: datetime) -> str:
    """Return the state of the outbox in words."""
    lines = [
        f"waiting    {events.waiting:,}{_age(events, at)}",
        *_describe_refusal(events, "PostHog", _next_delivery(events, at)),
        f"delivered  {events.delivered:,} ({events.per_minute:,.1f} a minute of late)",
        f"dead       {events.dead_now:,}",
        *_describe_dead(events, "PostHog"),
        f"messages   {messages.waiting:,} waiting{_age(messages, at)}, {messages.dead_now:,} dead",
        *_describe_channels(messages),
        *_describe_refusal(
            messages, "its receiver", "`csat tick` tries again, at the latest after 15 min"
        ),
        *_describe_dead(messages, "its receiver"),
    ]
    if events.dead or messages.dead:
        lines.append(f"{INDENT}`csat outbox retry` sends them again, all or those named by ID")
    return "\n".join(lines)


def as_json_text(events: OutboxSummary, messages: QueueSummary, at: datetime) -> str:
    """Return the state of the outbox for programs; ages are in seconds."""
    by_channel = {"waiting_by_channel": messages.waiting_by_channel}
    probe_at = events.quota_probe_at
    quota = {"quota_probe_at": probe_at.isoformat() if probe_at else None}
    shown = {
        **_as_values(events, at),
        **quota,
        "messages": {**_as_values(messages, at), **by_channel},
    }
    # The JSON is in ASCII, so that texts of others cannot control a terminal that shows it.
    return json.dumps(shown, indent=2)


def _as_values(summary: QueueSummary, at: datetime) -> dict[str, object]:
    given = asdict(summary)
    oldest_at = given.pop("oldest_at")
    del given["waiting_by_channel"]
    return {
        "waiting": summary.waiting,
        **given,
        "oldest_at": oldest_at.isoformat() if oldest_at else None,
        "oldest_seconds": summary.oldest_seconds(at),
    }


def _next_delivery(events: OutboxSummary, at: datetime) -> str:
    if events.quota_probe_at is None:
        return "delivery tries again by itself, at the latest after 30 s"
    left = timedelta(seconds=max(int((events.quota_probe_at - at).total_seconds()), 0))
    return (
        "all events wait for PostHog's quota: raise its billing limit for surveys; one event tries "
        f"again in {left} (`csat outbox retry`: at once), and then the others"
    )


def _describe_channels(messages: QueueSummary) -> list[str]:
    """Return what the messages are that wait."""
    counts = messages.waiting_by_channel
    named = [f"{counts[each]:,} × {words}" for each, words in CHANNELS.items() if each in counts]
    return [f"{INDENT}waiting: {', '.join(named)}"] if named else []


def _describe_refusal(summary: QueueSummary, receiver: str, next_try: str) -> list[str]:
    """Return why the oldest waiting row was not accepted, and when it is tried again."""
    if summary.last_reason is None:
        return []
    lines = [f"{INDENT}last reason: {printable(summary.last_reason)}"]
    if summary.error_message:
        lines.append(f"{INDENT}{receiver} said: {printable(summary.error_message)}")
    return [*lines, f"{INDENT}{next_try}"]


def _describe_dead(summary: QueueSummary, receiver: str) -> list[str]:
    return [line for letters in summary.dead for line in _describe_letters(letters, receiver)]


def _describe_letters(letters: DeadLetters, receiver: str) -> list[str]:
    more = ", …" if letters.count > len(letters.ids) else ""
    ids = ", ".join(map(str, letters.ids))
    # A mail about no ticket has none.
    tickets = ", ".join(map(printable, filter(None, letters.tickets)))
    kind = f"{CHANNELS[letters.channel]}: " if letters.channel in CHANNELS else ""
    lines = [f"{INDENT}{letters.count:,} × {kind}{printable(letters.reason)} (ID {ids}{more})"]
    if tickets:
        lines.append(f"{INDENT}    ticket {tickets}{more}")
    if letters.error_message:
        said = printable(letters.error_message)
        lines.append(f"{INDENT}    {receiver} said of the first: {said}")
    return lines


def _age(summary: QueueSummary, at: datetime) -> str:
    if summary.oldest_at is None:
        return ""
    return f" (the oldest for {timedelta(seconds=int(summary.oldest_seconds(at)))})"
