"""`csat responses`: show one ticket's answers, take a ticket out of the numbers, and remove its
comments."""

from collections.abc import Callable
from datetime import datetime

import click

from survey import voiding
from survey.clock import now
from survey.command_line import Parts
from survey.commands.deriving import derive_if_outdated
from survey.commands.erasing import clean_store, report, show_counts
from survey.counting_rules import CountingRules
from survey.erasing.files import erase_files
from survey.erasing.redaction import redact_ticket
from survey.errors import CsatError
from survey.links import normalise_ticket
from survey.rules import decide
from survey.settings import load_settings
from survey.store.responses import answers_of, find_response
from survey.store.schema import open_store
from survey.store.voids import is_void, list_void_changes


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


def _reason(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    if not value.strip():
        raise click.BadParameter("it is blank")
    return value.strip()


def reason_option(help_text: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return the option `--reason`: why a user makes a change, in a few words."""
    return click.option("--reason", required=True, callback=_reason, help=help_text)


@click.group()
def responses() -> None:
    """What a ticket's answers add up to."""


@responses.command()
@ticket_option
def show(ticket_id: str) -> None:
    """All answers to a ticket, what became of each, and the response they make."""
    settings = load_settings()
    database = open_store(settings.database_url)
    with database.reading() as connection:
        answers = answers_of(connection, ticket_id)
        response = find_response(connection, ticket_id)
        changes = list_void_changes(connection, ticket_id)
        void = is_void(connection, ticket_id)
    if not answers and not changes:
        raise UnknownTicket(f"nobody has answered for ticket {ticket_id}")
    rules = CountingRules.of(settings, [ticket_id] if void else [])
    outcomes = decide(answers, rules).outcomes
    if response is not None:
        began = response.answered_at.astimezone(settings.timezone)
        click.echo(f"response  {describe(response.rating, response.team, began)}")
    elif not void:
        click.echo("no response")
    for change in changes:
        word = "void" if change.is_void else "unvoid"
        click.echo(f"{word:<8}  {change.reason} ({change.changed_at:%Y-%m-%d})")
    for answer in answers:
        at = answer.answered_at.astimezone(settings.timezone).isoformat(sep=" ", timespec="seconds")
        rating = answer.rating or "-"
        click.echo(
            f"{at}  {rating}  {outcomes[answer.uuid]:<14}  {answer.trust:<10}  "
            f"{answer.distinct_id!r}  {answer.comment or ''!r}"
        )


@responses.command()
@ticket_option
@reason_option("Why it must not count; stays on record.")
@click.option("--force", is_flag=True, help="Also a ticket that nobody has answered for yet.")
def void(ticket_id: str, reason: str, force: bool) -> None:
    """Take all answers of a ticket out of every number, and show what they were.

    They stay on record, with the reason; `csat responses unvoid` lets them count again.
    """
    settings = load_settings()
    database = open_store(settings.database_url)
    voided = voiding.void(database, settings, ticket_id, reason, now(), force=force)
    click.echo(f"ticket {ticket_id} counts nowhere now: {count_answers(voided.answers)}")
    if voided.response is not None:
        began = voided.response.answered_at.astimezone(settings.timezone)
        click.echo(f"response  {describe(voided.response.rating, voided.response.team, began)}")


@responses.command()
@ticket_option
@reason_option("Why it must count after all; stays on record.")
def unvoid(ticket_id: str, reason: str) -> None:
    """Let a void ticket count again, in the month of its first answer, and show what it makes."""
    settings = load_settings()
    database = open_store(settings.database_url)
    response = voiding.unvoid(database, settings, ticket_id, reason, now())
    click.echo(f"ticket {ticket_id} is void no more")
    if response is None:
        click.echo("no response: none of its answers counts")
        return
    began = response.first.answered_at.astimezone(settings.timezone)
    click.echo(f"response  {describe(response.latest.rating, response.first.team, began)}")


@responses.command()
@ticket_option
@click.pass_obj
def redact(parts: Parts, ticket_id: str) -> None:
    """Remove the comments of a ticket that were given until now. This cannot be undone.

    Ratings stay, and who gave them. PostHog keeps the comments that it has: its events cannot be
    changed, only deleted with their person (`csat erase`).
    """
    settings = load_settings()
    database = open_store(settings.database_url)
    with database.reading() as connection:
        if not answers_of(connection, ticket_id):
            raise UnknownTicket(f"nobody has answered for ticket {ticket_id}")
    derive_if_outdated(database, CountingRules.of(settings))
    redacted = redact_ticket(database, settings, ticket_id, now())
    show_counts(redacted.counts, "redacted")
    report((*clean_store(database), *erase_files(parts.erasers, database, settings)))
    click.echo(f"ticket {ticket_id} has no comments here any more")
    if redacted.at_posthog:
        click.echo(
            f"PostHog keeps what it has: {count_answers(redacted.at_posthog)} of this ticket. Its "
            "events cannot be changed; `csat erase` has a person deleted there, with all events. "
            "What was mailed, noted at the ticket or exported stays where it is."
        )


def describe(rating: int | None, team: str, began: datetime) -> str:
    """Return a response in words: `4 for web_analytics, 2026-10-14`."""
    return f"{rating} for {team}, {began:%Y-%m-%d}"


def count_answers(number: int) -> str:
    """Return a number of answers in words."""
    return f"{number:,} answer{'' if number == 1 else 's'}"
