"""`csat marks`: releases and incidents that the trends of reports show."""

from collections.abc import Callable
from datetime import date
from typing import Any

import click

from survey.clock import now
from survey.settings import load_settings
from survey.store.database import LARGEST_ID
from survey.store.marks import Mark, add_mark, list_marks, parse_day, parse_words, remove_mark
from survey.store.schema import open_store

# A mark that a user adds on the page has the name of the user here.
_COMMAND_LINE = "the command line"


def _checked_by(parse: Callable[[str], Any]) -> Callable[..., Any]:
    """Return a callback that parses an argument, and refuses what `parse` refuses."""

    def check(_context: click.Context, _parameter: click.Parameter, value: Any) -> Any:
        try:
            return parse(value)
        except ValueError as error:
            raise click.BadParameter(str(error)) from None

    return check


@click.group()
def marks() -> None:
    """Releases and incidents that the trends of reports show."""


@marks.command()
@click.argument("day", metavar="DATE", callback=_checked_by(parse_day))
@click.argument(
    "words",
    metavar="WORDS",
    nargs=-1,
    required=True,
    callback=_checked_by(lambda typed: parse_words(" ".join(typed))),
)
def add(day: date, words: str) -> None:
    """Mark a day on all trends.

    DATE is written as 2026-10-14; WORDS say what happened, in at most 80 characters.
    """
    database = open_store(load_settings().database_url)
    with database.writing() as connection:
        added = add_mark(connection, day, words, _COMMAND_LINE, now())
    click.echo(f"mark {added}: {day}  {words}")


@marks.command("list")
def list_command() -> None:
    """All marks by their days, with the IDs by which they are removed."""
    database = open_store(load_settings().database_url)
    with database.reading() as connection:
        found = list_marks(connection)
    for mark in found:
        click.echo(describe(mark))
    if not found:
        click.echo("no marks")


@marks.command()
@click.argument("mark_id", metavar="ID", type=click.IntRange(1, LARGEST_ID))
def remove(mark_id: int) -> None:
    """Remove the mark with this ID, and show what it was."""
    database = open_store(load_settings().database_url)
    with database.writing() as connection:
        removed = remove_mark(connection, mark_id)
    click.echo(f"removed  {describe(removed)}")


def describe(mark: Mark) -> str:
    """Return a mark in one line: `3  2026-10-14  Release 2.3  (the command line)`."""
    return f"{mark.id}  {mark.day}  {mark.words}  ({mark.created_by})"
