"""`csat zendesk import` and `csat zendesk plan`: the tickets of Zendesk in the store."""

from contextlib import closing
from datetime import datetime, timedelta

import click

from survey.clock import now
from survey.commands.responses import ticket_option
from survey.errors import CsatError
from survey.progress import show_progress
from survey.settings import load_settings
from survey.store.schema import open_store
from survey.store.tickets import set_plan
from survey.vocabulary import Plan
from survey.zendesk.client import ZendeskClient
from survey.zendesk.importing import ImportSummary, TicketImport


class UnknownTicket(CsatError):
    """The ticket is not kept."""


@click.command("import")
@click.option(
    "--since",
    "day",
    type=click.DateTime(["%Y-%m-%d"]),
    help="Read what has changed since this day, instead of since the last import.",
)
def import_tickets(day: datetime | None) -> None:
    """Keep the tickets of Zendesk that have changed since the last import, and the times for which
    their customers waited for replies. The first import reads all there are, or those --since.

    It can be run again and again. Broken off, it goes on where it was when it is run again without
    --since. Zendesk allows 10 requests a minute, each for up to 1,000 tickets. The site may be
    running.

    Needs CSAT_ZENDESK_URL, CSAT_ZENDESK_EMAIL and CSAT_ZENDESK_TOKEN, of an administrator there.
    """
    settings = load_settings()
    since = day and day.replace(tzinfo=settings.timezone)
    if since is not None and since > now() - timedelta(minutes=1):
        raise click.BadParameter("it is in the future", param_hint="--since")
    # Customers are known by a hash that is made with it.
    settings.require_secret_key()
    with (
        closing(ZendeskClient.of(settings)) as client,
        closing(open_store(settings.database_url)) as database,
        show_progress("Importing", "tickets and events") as on_progress,
    ):
        summary = TicketImport(database, settings, client).run(since, on_progress)
    click.echo(describe(summary))


def describe(summary: ImportSummary) -> str:
    """Return what an import has read in words."""
    text = f"{summary.tickets:,} tickets and {summary.events:,} events of replies were read"
    if summary.unreadable:
        text += f"; {summary.unreadable:,} rows were no tickets, and left out"
    return text


@click.command()
@ticket_option
@click.option(
    "--plan",
    "name",
    required=True,
    type=click.Choice([plan.value for plan in Plan], case_sensitive=False),
    help="What the customer pays for.",
)
def plan(ticket_id: str, name: str) -> None:
    """Correct the plan of a ticket by hand: nothing that Zendesk says changes it any more."""
    settings = load_settings()
    with closing(open_store(settings.database_url)) as database, database.writing() as connection:
        if not set_plan(connection, ticket_id, Plan(name)):
            raise UnknownTicket(
                f"ticket {ticket_id} is not kept; `csat zendesk import` or the webhook brings it"
            )
    click.echo(f"ticket {ticket_id} has the plan {name} now, whatever its priority says")
