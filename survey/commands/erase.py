"""`csat erase`: remove identity and words of a person."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

import click

from survey.clock import now
from survey.command_line import Parts
from survey.commands.deriving import derive_if_outdated
from survey.commands.erasing import (
    WORDS,
    clean_store,
    distinct_id_option,
    report,
    show_counts,
    tell,
)
from survey.counting_rules import CountingRules
from survey.erasing.files import REMAINS, erase_files, find_function
from survey.erasing.person import Erased, count_person, erase_person
from survey.erasing.words import names_person
from survey.errors import CsatError
from survey.progress import show_progress
from survey.pseudonyms import pseudonyms_of
from survey.settings import Settings, load_settings
from survey.store.database import Database
from survey.store.erasing import find_in_ledger
from survey.store.erasure_proofs import find_proof
from survey.store.schema import open_store

TO_CONFIRM = """\
Before a person is erased, somebody confirms all of this:
- The request came from the person, or from the owner of their organisation, and was verified by the
  address under which we know them.
- It is about exactly this distinct_id.
- They know that it cannot be undone.
- Further distinct_ids of the same person are erased too, each by a run of its own."""
REQUEST_DELETION = "survey.posthog.deletion:request_deletion"
QUEUE_HANDOVER = "survey.messages.handover:queue_handover"


RequestDeletion = Callable[[Database, Settings, str, str, datetime], list[str]]
QueueHandover = Callable[[Database, Settings, str, list[str], datetime], None]


@click.command()
@distinct_id_option
@click.option(
    "--confirmed-by", metavar="NAME", help="Who has confirmed what is to be confirmed; is kept."
)
@click.option("--dry-run", is_flag=True, help="Only show what would be erased.")
@click.pass_obj
def erase(parts: Parts, distinct_id: str, confirmed_by: str | None, dry_run: bool) -> None:
    """Remove identity and words of a person, here and at PostHog. This cannot be undone.

    Ratings, teams, months and hedgehogs stay, under a pseudonym; no number changes. Run it again
    if it was broken off, or if something remains: it goes on where it was. Exit 1 as long as
    anything remains.
    """
    if confirmed_by is None or not confirmed_by.strip():
        raise click.UsageError(f"--confirmed-by is missing.\n\n{TO_CONFIRM}")
    if names_person(confirmed_by, distinct_id):
        raise click.UsageError(
            "--confirmed-by names the person; the proof of an erasure must not hold who was erased."
        )
    settings = load_settings()
    database = open_store(settings.database_url)
    click.echo(f"{TO_CONFIRM}\nConfirmed by {tell(confirmed_by.strip())}.\n")
    counts = count_person(database, settings, distinct_id, now())
    show_counts(counts, "to be erased")
    if dry_run:
        click.echo("Nothing was changed.")
        return
    if not counts:
        click.echo("Is the distinct_id written right? What comes later is erased all the same.")
    derive_if_outdated(database, CountingRules.of(settings))
    with show_progress("Erasing", "rows") as on_progress:
        erased = erase_person(
            database, settings, distinct_id, confirmed_by.strip(), now(), on_progress
        )
    show_counts(erased.counts, "erased")
    report(_finish(database, settings, distinct_id, erased, parts.erasers))
    click.echo("Nothing of this person remains here.")


def _finish(
    database: Database,
    settings: Settings,
    distinct_id: str,
    erased: Erased,
    erasers: Sequence[str],
) -> Iterator[str]:
    """Do what an erasure does besides the rows of the store; yield what was done, and what
    remains."""
    yield from clean_store(database)
    left = count_person(database, settings, distinct_id, now())
    yield from (f"{REMAINS}{number:,} {WORDS[kind]}" for kind, number in left.items())
    with database.reading() as connection:
        entries = find_in_ledger(connection, distinct_id)
        in_small_letters = distinct_id.strip().lower()
        proof = find_proof(connection, pseudonyms_of(in_small_letters, settings.secret_keys))
    if "@" in distinct_id and distinct_id != in_small_letters and proof is None:
        yield (
            f"{REMAINS}a help desk may write this address in small letters: run the command for it "
            "as it is written so, too"
        )
    if entries:
        numbers = ", ".join(map(str, entries))
        yield (
            f"{REMAINS}finance wrote this distinct_id into the donation ledger (entry {numbers}), "
            "where nothing can be changed"
        )
    yield from erase_files(erasers, database, settings)
    request_deletion: RequestDeletion = find_function(REQUEST_DELETION)
    queue_handover: QueueHandover = find_function(QUEUE_HANDOVER)
    try:
        # By now no worker holds an event that it took before, but for the time of a claim.
        yield from request_deletion(database, settings, distinct_id, erased.pseudonym, now())
    except CsatError as error:
        # Its own words may say that something remains.
        yield f"{REMAINS}{str(error).removeprefix(REMAINS)}"
    try:
        queue_handover(database, settings, erased.pseudonym, erased.tickets, now())
    except CsatError as error:
        yield f"{REMAINS}nobody is told of it: {error}"
