"""`csat export-person`: all that is kept of a person, for somebody who asks for it."""

import json
from datetime import datetime
from pathlib import Path

import click

from survey.commands.erasing import distinct_id_option
from survey.erasing.person import find_person
from survey.private_files import open_private
from survey.settings import load_settings
from survey.store.person_data import read_person
from survey.store.schema import open_store


@click.command("export-person")
@distinct_id_option
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write into this file, which only you can read.",
)
def export_person(distinct_id: str, out: Path | None) -> None:
    """All that is kept here of a person, as JSON: answers, responses, tickets, invitations, events
    and page views in the outbox, and erasures.

    What PostHog and the help desk keep is not in it.
    """
    settings = load_settings()
    database = open_store(settings.database_url)
    with database.reading() as connection:
        found = read_person(connection, find_person(connection, settings, distinct_id))
    # JSON in ASCII, so that texts of others cannot control a terminal that shows it.
    text = json.dumps({"distinct_id": distinct_id, **found}, indent=2, default=_to_json)
    if out is None:
        click.echo(text)
        return
    with open_private(out, "w", encoding="ascii") as file:
        file.write(f"{text}\n")
    rows = sum(map(len, found.values()))
    click.echo(f"{out}: {rows} {'entry' if rows == 1 else 'entries'}")


def _to_json(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
