"""Restores a backup of an SQLite store: checked, upgraded and without erased persons, before it
takes the place of the store."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from survey.counting_rules import CountingRules
from survey.erasing.again import erase_known
from survey.private_files import make_folder, make_private, open_private
from survey.rederive import apply_rules
from survey.settings import Settings
from survey.store.database import Database
from survey.store.errors import StoreError
from survey.store.migrate import upgrade
from survey.store.proofs import OF_ERASURES, Proofs, add_proofs, read_proofs
from survey.store.snapshots import MEGABYTE, StoreState, check_store, opened_file, read_state
from survey.store.sole_use import DamagedStore, replace_store, require_unused
from survey.store.writer_queue import WriterQueue

# Whoever writes is not stopped yet, so there is no point in a longer wait.
_LONGEST_WAIT_SECONDS = 2.0
_COPIED_AT_ONCE = 4 * MEGABYTE


@dataclass(frozen=True)
class Restored:
    """A backup that was restored: what it holds, what the database held that it replaced, and where
    that is kept; None where there was none, or where it could not be read.

    `carried` is how many proofs of erasures and the like came from the replaced database, `erased`
    how many persons were erased again by them, `damage` why the replaced one could not be read.
    """

    state: StoreState
    replaced: StoreState | None
    kept: Path | None
    carried: int
    erased: int
    damage: str | None


def restore_backup(
    database: Database,
    settings: Settings,
    backup: Path,
    now: datetime,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Restored:
    """Put a backup in the place of an SQLite store, which nobody may use meanwhile, and keep that
    store beside under a name with the time.

    `on_progress` is told how many megabytes are copied. Raise StoreError and SettingsError, and
    change nothing then.
    """
    path = database.path
    if path is None:
        raise StoreError("the database is no SQLite file")
    _require_other_file(backup, path)
    try:
        make_folder(path.parent)
        # Until the end, none of our processes writes, and no other backup is restored.
        with WriterQueue(path, _LONGEST_WAIT_SECONDS).turn():
            damage = _require_unused(path)
            with _staged(backup, path, on_progress) as staged:
                return _restore(path, staged, settings, now, damage)
    except OSError as error:
        raise StoreError(f"{path} cannot be replaced: {error.strerror}") from error


def carry_proofs(source: Database, database: Database) -> int:
    """Add the proofs of a store to another one; return how many were new there. Raise StoreError
    if the source is no store of ours."""
    with source.reading() as connection:
        read_state(connection)
    return add_proofs(database, read_proofs(source))


def erase_again(database: Database, settings: Settings, now: datetime) -> int:
    """Apply to a store all erasures that it has proofs of; return how many persons were there
    again. Raise SettingsError if a secret is missing."""
    if not any(each.rows for each in read_proofs(database) if each.table.name in OF_ERASURES):
        return 0
    apply_rules(database, CountingRules.of(settings))
    return erase_known(database, settings, now)


def _restore(
    path: Path, staged: Path, settings: Settings, now: datetime, damage: str | None
) -> Restored:
    state = _check_backup(staged)
    proofs: list[Proofs] = []
    replaced = None
    if path.exists() and damage is None:
        proofs, replaced, damage = _read_replaced(path)
    with opened_file(staged) as copy:
        upgrade(copy)
        carried = add_proofs(copy, proofs)
        erased = erase_again(copy, settings, now)
    make_private(staged)
    kept = path.with_name(f"{path.name}.replaced-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}")
    replace_store(path, staged, kept)
    return Restored(state, replaced, kept if kept.exists() else None, carried, erased, damage)


@contextmanager
def _staged(backup: Path, path: Path, on_progress: Callable[[int], None]) -> Iterator[Path]:
    """Copy a backup to where it is prepared, beside the store, so that it needs only be renamed.
    What a killed restore left behind is removed."""
    folder = path.with_name(f".{path.name}.restoring")
    shutil.rmtree(folder, ignore_errors=True)
    make_folder(folder)
    try:
        staged = folder / path.name
        _copy(backup, staged, on_progress)
        # A file that was copied by hand may have its latest changes beside it.
        changes = backup.with_name(f"{backup.name}-wal")
        if changes.exists():
            _copy(changes, staged.with_name(f"{staged.name}-wal"), on_progress)
        yield staged
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _check_backup(staged: Path) -> StoreState:
    try:
        return check_store(staged)
    except StoreError as error:
        raise StoreError(f"the backup is not restored: {error}") from error


def _read_replaced(path: Path) -> tuple[list[Proofs], StoreState | None, str | None]:
    """Return the proofs of the store to be replaced, and what it holds; if it cannot be read,
    why."""
    proofs: list[Proofs] = []
    try:
        with opened_file(path) as database:
            proofs = read_proofs(database)
            with database.reading() as connection:
                return proofs, read_state(connection), None
    except StoreError as error:
        return proofs, None, str(error)


def _copy(source: Path, target: Path, on_progress: Callable[[int], None]) -> None:
    with source.open("rb") as reader, open_private(target) as writer:
        while part := reader.read(_COPIED_AT_ONCE):
            writer.write(part)
            on_progress(writer.tell() // MEGABYTE)


def _require_unused(path: Path) -> str | None:
    """Raise StoreError if somebody uses the store. Return why it can be read no more; None if it
    can, or is not there."""
    if not path.exists():
        return None
    try:
        require_unused(path)
    except DamagedStore as error:
        return str(error)
    return None


def _require_other_file(backup: Path, path: Path) -> None:
    if not backup.is_file():
        raise StoreError(f"there is no backup at {backup}")
    if path.exists() and backup.samefile(path):
        raise StoreError(f"{backup} is the database itself, not a backup of it")
