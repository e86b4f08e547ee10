"""Writes a backup of an SQLite store: whole and checked, or not at all."""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from survey.backups.names import find_surplus, name_backup
from survey.private_files import create_private, make_folder
from survey.store.database import Database
from survey.store.errors import StoreError
from survey.store.snapshots import (
    StoreState,
    check_store,
    copy_store,
    is_older_state_of,
    opened_file,
    read_state,
)
from survey.store.sole_use import sync_folder

# The copy stands here until it is checked. Its name is always the same, so that what a killed
# backup leaves behind is removed by the next one.
_BESIDE = ".csat-backup.writing"


@dataclass(frozen=True)
class Backup:
    """A backup that was written, and what it holds."""

    path: Path
    state: StoreState


def write_backup(
    database: Database,
    target: Path,
    at: datetime,
    on_progress: Callable[[int], None] = lambda _: None,
) -> Backup:
    """Write a backup of an SQLite store, which others go on using, to a file, or under a name with
    the time into a folder.

    An earlier backup of the same store is replaced; any other file is not. The copy is checked
    before it takes its place. Raise StoreError.
    """
    path = target / name_backup(at) if target.is_dir() else target
    try:
        make_folder(path.parent)
        with _writing_folder(path.parent) as beside:
            _require_replaceable(path, database)
            copy = beside / path.name
            create_private(copy)
            state = copy_store(database, copy, on_progress)
            _check_copy(copy, state)
            copy.replace(path)
            sync_folder(path.parent)
    except OSError as error:
        raise StoreError(f"{path} cannot be written: {error.strerror}") from error
    return Backup(path, state)


def remove_surplus(folder: Path, keep: int) -> list[str]:
    """Remove all backups in a folder but the newest ones; return the names of those removed. Raise
    StoreError."""
    names = find_surplus((path.name for path in folder.iterdir()), keep)
    for name in names:
        try:
            (folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"{folder / name} cannot be removed: {error.strerror}") from error
    return names


@contextmanager
def _writing_folder(folder: Path) -> Iterator[Path]:
    """Make a folder for the copy beside its place, and remove it at the end, with all that is in
    it. Raise StoreError if another backup is being written there."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    beside = folder / _BESIDE
    try:
        # Some network file systems cannot lock a folder.
        with contextlib.suppress(OSError):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise StoreError(f"another backup is being written to {folder}") from None
        shutil.rmtree(beside, ignore_errors=True)
        make_folder(beside)
        try:
            yield beside
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    finally:
        os.close(descriptor)


def _require_replaceable(path: Path, database: Database) -> None:
    """Raise StoreError if a backup must not replace what stands there."""
    if not path.exists():
        return
    if database.path is not None and path.samefile(database.path):
        raise StoreError(f"{path} is the database itself: name another file for its backup")
    try:
        with opened_file(path) as earlier, earlier.reading() as connection:
            state = read_state(connection)
    except StoreError as error:
        raise StoreError(
            f"{path} is there already, and no backup of this database ({error}): name another file"
        ) from error
    with database.reading() as connection:
        if not is_older_state_of(state, connection):
            raise StoreError(
                f"{path} is there already, and holds answers that this database does not: it is a "
                "backup of another one, or this one has lost them. Name another file, or move that "
                "one away."
            )


def _check_copy(copy: Path, expected: StoreState) -> None:
    try:
        found = check_store(copy)
    except StoreError as error:
        raise StoreError(f"the copy is not kept: {error}") from error
    if found != expected:
        raise StoreError("the copy is not kept: it holds something else than the database")
