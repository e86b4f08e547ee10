"""What the commands that erase have in common."""

from collections import Counter
from collections.abc import Iterable, Iterator

import click

from survey.delivery.answer import printable
from survey.erasing.files import REMAINS
from survey.erasing.target import Kind
from survey.errors import CsatError
from survey.pseudonyms import is_pseudonym
from survey.store.database import Database
from survey.store.erasing import TABLES
from survey.store.errors import StoreError

WORDS = {
    Kind.ANSWERS: "answers",
    Kind.COPIES: "copies of answers",
    Kind.RESPONSES: "responses",
    Kind.EVENTS: "events in the outbox",
    Kind.PAGE_VIEWS: "page views in the outbox",
    Kind.REFUSALS: "words of receivers that refused something",
    Kind.TICKETS: "tickets of the help desk",
    Kind.WAITING_INVITATIONS: "invitations that were not sent",
    Kind.INVITATIONS: "decisions about invitations",
    Kind.REASONS: "reasons of voids",
    Kind.AUDIT: "entries of the record of users",
    Kind.MARKS: "marks on trends",
}


class SomethingRemains(CsatError):
    """The error that something that was to be erased is still somewhere."""


def _distinct_id(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    if not value.strip():
        raise click.BadParameter("it is blank")
    if is_pseudonym(value.strip()):
        raise click.BadParameter("it stands for a person who was erased already")
    return value


distinct_id_option = click.option(
    "--distinct-id",
    required=True,
    metavar="D",
    callback=_distinct_id,
    help="Whom PostHog knows the person as.",
)


def tell(text: str) -> str:
    """Return a text as a terminal can show it."""
    return printable(text)


def show_counts(counts: Counter[Kind], done: str) -> None:
    """Print how many rows of each kind are concerned."""
    width = max((len(f"{number:,}") for number in counts.values()), default=1)
    click.echo(f"{done}:" if counts else f"{done}: nothing")
    for kind in Kind:
        if counts[kind]:
            click.echo(f"  {counts[kind]:>{width},}  {WORDS[kind]}")


def clean_store(database: Database) -> Iterator[str]:
    """Remove what was erased from the files of the database, too; yield what remains there, and
    tell of what takes long."""
    try:
        if database.needs_rebuild():
            click.echo(
                "The database is written anew, once: an earlier release left deleted text in its "
                "file. Nobody can answer meanwhile.",
                err=True,
            )
            database.rebuild()
        database.clean(TABLES)
    except StoreError as error:
        yield f"{REMAINS}{error}"


def report(lines: Iterable[str]) -> None:
    """Print lines as they come. Raise SomethingRemains if any tells of something that remains."""
    remaining = 0
    for line in lines:
        click.echo(line)
        remaining += line.startswith(REMAINS)
    if remaining:
        things = "1 thing remains" if remaining == 1 else f"{remaining} things remain"
        raise SomethingRemains(f"{things}: see above. Run this again when it is mended.")
