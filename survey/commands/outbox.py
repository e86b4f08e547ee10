"""`csat outbox`: what waits, how old it is, what PostHog refused."""

from datetime import datetime, timedelta

import click

from survey.settings import load_settings
from survey.store.clock import now
from survey.store.database import Database
from survey.store.outbox import Summary, revive, summarise


@click.group(invoke_without_command=True)
@click.pass_context
def outbox(context: click.Context) -> None:
    """How many events wait for PostHog, how old they are, and what was refused and why."""
    if context.invoked_subcommand is not None:
        return
    database = Database(load_settings().database_url)
    with database.reading() as connection:
        summary = summarise(connection)
    click.echo(describe(summary, now()))


@outbox.command()
def retry() -> None:
    """Send the dead letters again, after what PostHog refused them for was mended."""
    database = Database(load_settings().database_url)
    with database.reading():
        pass  # says clearly where there is no database, instead of making one
    with database.writing() as connection:
        revived = revive(connection, now())
    click.echo(f"{revived} dead letters wait for delivery again.")


def describe(summary: Summary, at: datetime) -> str:
    """The state of the outbox in words."""
    lines = [f"waiting    {summary.waiting}{_age(summary.oldest_at, at)}"]
    if summary.last_error is not None:
        lines.append(f"           last reason: {summary.last_error}")
    lines.append(f"delivered  {summary.delivered}")
    lines.append(f"dead       {sum(summary.dead.values())}")
    lines += [f"           {count} × {reason}" for reason, count in summary.dead.items()]
    if summary.dead:
        lines.append("           `csat outbox retry` sends them again")
    return "\n".join(lines)


def _age(since: datetime | None, at: datetime) -> str:
    if since is None:
        return ""
    return f" (the oldest for {timedelta(seconds=int((at - since).total_seconds()))})"
