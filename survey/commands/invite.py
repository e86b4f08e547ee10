"""`csat invite`: ask the customers whose tickets are due, now."""

from collections.abc import Mapping

import click

from survey.clock import now
from survey.delivery.answer import printable
from survey.errors import CsatError
from survey.invitations.inviting import decide_due, require_inviting
from survey.logs import configure_logs
from survey.settings import load_settings
from survey.store.models import Channel
from survey.store.schema import open_store
from survey.vocabulary import InvitationOutcome


class NotSent(CsatError):
    """Some invitations were not accepted."""


@click.command()
@click.option("--dry-run", is_flag=True, help="Only say what would be done with each ticket.")
def invite(dry_run: bool) -> None:
    """Ask the customers of tickets that were solved CSAT_SURVEY_DELAY ago, once for each ticket.

    `csat tick` does the same once a minute, as long as CSAT_INVITE is smtp or zendesk. The reason
    for every ticket that nobody was asked about is kept, and counted in the report.
    """
    settings = load_settings()
    require_inviting(settings)
    configure_logs(settings.log_format)
    database = open_store(settings.database_url)
    decided = decide_due(database, settings, now(), is_trial=dry_run)
    if dry_run:
        _list(decided.outcomes)
        return
    # What sends is imported only if something may be sent.
    from survey.messages.worker import send_due

    sent = send_due(database, settings, now, channels=[Channel.INVITATION])
    click.echo(f"{decided}." if decided.outcomes else "No ticket is due.")
    click.echo(f"{sent.sent} sent.")
    if sent.waiting or sent.dead:
        raise NotSent(
            f"{sent.waiting} not accepted yet, {sent.dead} refused: `csat outbox` says why. "
            "`csat tick` tries again."
        )


def _list(outcomes: Mapping[str, InvitationOutcome]) -> None:
    for ticket_id, outcome in outcomes.items():
        click.echo(f"{printable(ticket_id)}  {_describe(outcome)}")
    if not outcomes:
        click.echo("No ticket is due.")


def _describe(outcome: InvitationOutcome) -> str:
    if outcome is InvitationOutcome.QUEUED:
        return "would be asked"
    return f"would not be asked: {outcome}"
