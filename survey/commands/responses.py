"""`csat responses`: one ticket's answers, and putting a ticket out of the numbers."""

import sys

import click

from survey.links import normalise_ticket
from survey.rules import decide, rules_of
from survey.settings import CsatError, Settings, load_settings
from survey.store.clock import now
from survey.store.database import Database
from survey.store.responses import (
    answers_of,
    find_response,
    find_void,
    void_ticket,
)


class UnknownTicket(CsatError):
    """Nobody answered for this ticket."""


def _ticket(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    ticket_id = normalise_ticket(value)
    if ticket_id is None:
        raise click.BadParameter("it is blank")
    return ticket_id


ticket_option = click.option(
    "--ticket", "ticket_id", required=True, metavar="T", callback=_ticket, help="Ticket number."
)


@click.group()
def responses() -> None:
    """What a ticket's answers add up to."""


@responses.command()
@ticket_option
def show(ticket_id: str) -> None:
    """All answers to a ticket, what became of each, and the response they make."""
    settings, database = _open()
    with database.reading() as connection:
        answers = answers_of(connection, ticket_id)
        if not answers:
            raise UnknownTicket(f"nobody has answered for ticket {ticket_id}")
        response, void = find_response(connection, ticket_id), find_void(connection, ticket_id)
    outcomes = decide(answers, rules_of(settings), void=void is not None).outcomes
    if response is not None:
        began = response.answered_at.astimezone(settings.timezone)
        click.echo(f"response  {response.rating} for {response.team}, {began:%Y-%m-%d}")
    elif void is not None:
        click.echo(f"void      {void[0]} ({void[1]:%Y-%m-%d})")
    else:
        click.echo("no response")
    for answer in answers:
        at = answer.answered_at.astimezone(settings.timezone).isoformat(sep=" ", timespec="seconds")
        rating = answer.rating or "-"
        click.echo(
            f"{at}  {rating}  {outcomes[answer.uuid]:<14}  {answer.trust:<10}  "
            f"{answer.distinct_id!r}  {answer.comment or ''!r}"
        )


@responses.command()
@ticket_option
@click.option("--reason", required=True, help="Why it must not count; stays on record.")
def void(ticket_id: str, reason: str) -> None:
    """Put all answers of a ticket out of every number. They stay on record, with the reason."""
    if not reason.strip():
        raise click.BadParameter("it is blank", param_hint="--reason")
    _settings, database = _open()
    with database.reading() as connection:
        if not answers_of(connection, ticket_id):
            click.echo(f"nobody has answered for ticket {ticket_id} yet; voided all the same")
    with database.writing() as connection:
        database.lock_tickets(connection, [ticket_id])
        if not void_ticket(connection, ticket_id, reason.strip(), now()):
            click.echo(f"csat: ticket {ticket_id} is void already", err=True)
            sys.exit(1)
    click.echo(f"ticket {ticket_id} counts nowhere now")


def _open() -> tuple[Settings, Database]:
    settings = load_settings()
    return settings, Database(settings.database_url)
