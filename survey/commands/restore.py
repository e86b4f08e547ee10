"""`csat restore`: a backup in the place of the SQLite database."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import click
from pydantic import TypeAdapter, ValidationError

from survey.backups.postgresql import explain_restore
from survey.backups.restoring import Restored, carry_proofs, erase_again, restore_backup
from survey.clock import now
from survey.commands.backup import NotHere, describe
from survey.progress import show_progress
from survey.setting_values import DatabaseAddress
from survey.settings import Settings, load_settings
from survey.store.database import Database
from survey.store.schema import open_store
from survey.store.snapshots import StoreState, megabytes_of

# What the store only adds to, so that fewer rows are rows that are gone: its table, and its name.
_ADDED_TO = {
    "answers": "answers",
    "void_changes": "voids and unvoids",
    "ledger_entries": "ledger entries",
    "invitations": "invitations",
}


def _address(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    try:
        return TypeAdapter[str](DatabaseAddress).validate_python(value)
    except ValidationError as error:
        raise click.BadParameter(error.errors()[0]["msg"]) from None


@click.command()
@click.argument("file", type=click.Path(path_type=Path), required=False)
@click.option(
    "--erasures-from",
    "source",
    metavar="DATABASE",
    callback=_address,
    help="Restore no file: carry over what another database knows of erased persons.",
)
def restore(file: Path | None, source: str | None) -> None:
    """Put the backup FILE in the place of the SQLite database, which is kept beside.

    Stop everything that uses the database first. The backup is checked, page by page and by the
    donation ledger, and upgraded, before it takes its place. Persons who were erased since it was
    written are erased from it, too, and who unsubscribed since stays so.
    """
    if (file is None) == (source is None):
        raise click.UsageError("give either FILE or --erasures-from")
    settings = load_settings()
    if source is not None:
        _carry(settings, source)
        return
    assert file is not None
    with closing(Database(settings.database_url)) as database:
        if database.path is None:
            raise NotHere(explain_restore(settings.database_url))
        size = megabytes_of(file) if file.is_file() else 0
        with show_progress("Copying the backup", f"of {size:,} MB") as on_progress:
            restored = restore_backup(database, settings, file, now(), on_progress)
    for line in explain(restored):
        click.echo(line)


def explain(restored: Restored) -> Iterator[str]:
    """Yield what a restored backup holds, what it has replaced, and what is to be done."""
    yield f"restored: {describe(restored.state)}"
    if restored.kept is not None:
        held = f": {describe(restored.replaced)}" if restored.replaced else ""
        yield f"replaced, and kept as {restored.kept}{held}"
    if restored.damage is not None:
        yield (
            f"The replaced database could not be read in full ({restored.damage}), so it is not "
            "known what is lost. Run `csat erase` again for each person erased since the backup."
        )
    yield from _explain_erased(restored.carried, restored.erased)
    if restored.replaced is not None:
        yield from explain_lost(restored.state, restored.replaced)


def explain_lost(state: StoreState, replaced: StoreState) -> Iterator[str]:
    """Yield what a replaced store held and the restored one does not, and how it comes back."""
    fewer = {name: replaced.count(name) - state.count(name) for name in _ADDED_TO}
    lost = [f"{count:,} {_ADDED_TO[name]}" for name, count in fewer.items() if count > 0]
    if lost:
        yield f"lost since the backup: {', '.join(lost)}"
    if fewer["answers"] > 0:
        yield "What PostHog has of the answers comes back by `csat import posthog`."
    if fewer["void_changes"] > 0:
        yield "`csat responses void` again the tickets that were made void since."
    if fewer["ledger_entries"] > 0:
        yield (
            "Months were closed or paid since: start by `csat serve --no-tick`, and read "
            "docs/operators.md, The donation ledger, so that nothing is paid twice."
        )


def _carry(settings: Settings, source: str) -> None:
    """Carry over the proofs of another database, and erase by them."""
    with (
        closing(open_store(settings.database_url)) as database,
        closing(Database(source)) as replaced,
    ):
        carried = carry_proofs(replaced, database)
        erased = erase_again(database, settings, now())
    for line in _explain_erased(carried, erased):
        click.echo(line)


def _explain_erased(carried: int, erased: int) -> Iterator[str]:
    yield f"{carried:,} erasures and the like carried over from the replaced database"
    if erased:
        yield f"{erased:,} erased persons were in the backup, and are erased again"
