"""`csat outbox`: show which events wait, their age and speed, and what PostHog refused."""

import json
from dataclasses import asdict
from datetime import datetime, timedelta

import click

from survey.clock import now
from survey.delivery.answer import printable
from survey.errors import CsatError
from survey.settings import load_settings
from survey.store.database import LARGEST_ID
from survey.store.outbox import DeadLetters, OutboxSummary, requeue, summarise
from survey.store.schema import open_store


class NoSuchLetter(CsatError):
    """There is no dead letter with this id."""


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="The same as JSON, for programs.")
@click.pass_context
def outbox(context: click.Context, as_json: bool) -> None:
    """How many events wait for PostHog, how old they are, and what was refused and why.

    Dead letters are events that PostHog can never accept as they are; they are kept with its own
    words, and `csat outbox retry` sends them again.
    """
    if context.invoked_subcommand is not None:
        return
    database = open_store(load_settings().database_url)
    at = now()
    with database.reading() as connection:
        summary = summarise(connection, at)
    click.echo(as_text(summary, at) if not as_json else as_json_text(summary, at))


@outbox.command()
@click.argument("ids", metavar="[ID]...", nargs=-1, type=click.IntRange(1, LARGEST_ID))
@click.option("--all", "all_of_them", is_flag=True, help="All of them; so it is without IDs, too.")
def retry(ids: tuple[int, ...], all_of_them: bool) -> None:
    """Send dead letters again, after what PostHog refused them for was mended."""
    if ids and all_of_them:
        raise click.UsageError("name IDs or --all, not both")
    database = open_store(load_settings().database_url)
    with database.writing() as connection:
        requeued = requeue(connection, now(), list(ids) or None)
        if missing := sorted(set(ids) - set(requeued)):
            # Raise inside the transaction, so that all named letters are sent again, or none.
            raise NoSuchLetter(f"no dead letter has the id {', '.join(map(str, missing))}")
    letters = "1 dead letter waits" if len(requeued) == 1 else f"{len(requeued)} dead letters wait"
    click.echo(f"{letters} for delivery again.")


def as_text(summary: OutboxSummary, at: datetime) -> str:
    """Return the state of the outbox in words."""
    lines = [f"waiting    {summary.waiting:,}{_age(summary, at)}"]
    if summary.last_reason is not None:
        lines.append(f"           last reason: {printable(summary.last_reason)}")
        if summary.error_message:
            lines.append(f"           PostHog said: {printable(summary.error_message)}")
        lines.append("           delivery tries again by itself, at the latest after 30 s")
    lines.append(f"delivered  {summary.delivered:,} ({summary.per_minute:,.1f} a minute of late)")
    lines.append(f"dead       {summary.dead_now:,}")
    for letters in summary.dead:
        lines += _describe(letters)
    if summary.dead:
        lines.append("           `csat outbox retry` sends them again, all or those named by ID")
    return "\n".join(lines)


def as_json_text(summary: OutboxSummary, at: datetime) -> str:
    """Return the state of the outbox for programs; ages are in seconds."""
    given = asdict(summary)
    oldest_at = given.pop("oldest_at")
    shown = {
        **given,
        "oldest_at": oldest_at.isoformat() if oldest_at else None,
        "oldest_seconds": summary.oldest_seconds(at),
    }
    # The JSON is in ASCII, so that texts of others cannot control a terminal that shows it.
    return json.dumps(shown, indent=2)


def _describe(letters: DeadLetters) -> list[str]:
    more = ", …" if letters.count > len(letters.ids) else ""
    ids = ", ".join(map(str, letters.ids))
    tickets = ", ".join(map(printable, letters.tickets))
    lines = [
        f"           {letters.count:,} × {printable(letters.reason)} (ID {ids}{more})",
        f"               ticket {tickets}{more}",
    ]
    if letters.error_message:
        lines.append(
            f"               PostHog said of the first: {printable(letters.error_message)}"
        )
    return lines


def _age(summary: OutboxSummary, at: datetime) -> str:
    if summary.oldest_at is None:
        return ""
    return f" (the oldest for {timedelta(seconds=int(summary.oldest_seconds(at)))})"
