"""`csat backup`: a copy of the SQLite database, written beside a site that runs."""

import os
from contextlib import closing
from pathlib import Path

import click

from survey.backups.postgresql import explain_dump
from survey.backups.writing import remove_surplus, write_backup
from survey.clock import now
from survey.errors import CsatError
from survey.private_files import make_folder
from survey.progress import show_progress
from survey.settings import load_settings
from survey.store.database import Database
from survey.store.snapshots import StoreState, megabytes_of


class NotHere(CsatError):
    """The command is not for this kind of database; the message says what is."""


@click.command()
@click.argument("file", type=click.Path())
@click.option(
    "--keep",
    type=click.IntRange(1),
    metavar="N",
    help="Of the backups in the folder FILE, keep only the N newest.",
)
def backup(file: str, keep: int | None) -> None:
    """Write a backup of the SQLite database to FILE; the site goes on meanwhile.

    If FILE is a folder, the backup gets a name with the time there. It is checked, page by page
    and by the donation ledger, before it takes its place. An earlier backup of the same database
    is replaced, any other file is not.
    """
    settings, target = load_settings(), Path(file)
    with closing(Database(settings.database_url)) as database:
        if database.path is None:
            raise NotHere(explain_dump(settings.database_url))
        if keep is not None or file.endswith(os.sep):
            make_folder(target)
        size = megabytes_of(database.path) if database.exists else 0
        with show_progress("Copying the database", f"of {size:,} MB") as on_progress:
            written = write_backup(database, target, now(), on_progress)
    click.echo(f"{written.path}: {describe(written.state)}")
    for name in remove_surplus(target, keep) if keep is not None else ():
        click.echo(f"removed {name}")


def describe(state: StoreState) -> str:
    """Return what a store holds, in words."""
    newest = state.newest_answer
    until = f", the newest of {newest.answered_at:%Y-%m-%d %H:%M} UTC" if newest else ""
    return (
        f"{state.count('answers'):,} answers{until}; {state.count('responses'):,} responses, "
        f"{state.count('outbox'):,} rows of the outbox, "
        f"{state.count('ledger_entries'):,} ledger entries"
    )
