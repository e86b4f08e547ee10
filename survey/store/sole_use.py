"""Sole use of the file of an SQLite store: to put another one in its place.

A connection in WAL mode holds a lock on the file as long as it is open, also while it does nothing.
So the exclusive lock tells whether anybody else has the file open, and keeps it from being opened.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from survey.private_files import make_private
from survey.store.errors import StoreError

_BESIDE = ("-wal", "-shm")
# With these bytes a database begins. SQLite removes what stands beside another file.
_BEGINNING = b"SQLite format 3\0"


class DamagedStore(StoreError):
    """The error that a file cannot be read as a database."""


def require_unused(path: Path) -> None:
    """Raise StoreError if another process has an SQLite file open, DamagedStore if it is none."""
    with _locked(path):
        pass


def replace_store(path: Path, other: Path, kept: Path) -> None:
    """Put another file in the place of an SQLite store, which is kept under a name of its own.

    At every moment there is a whole database at the path: a start of the site would make a new one
    where there is none. Raise StoreError if somebody uses it.
    """
    _sync_file(other)
    if path.exists():
        _replace(path, other, kept)
    else:
        _set_aside(path, kept)
        other.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make sure that what was moved in a folder is on the disk."""
    _sync(folder, os.O_RDONLY | os.O_DIRECTORY)


def _sync_file(path: Path) -> None:
    _sync(path, os.O_RDONLY)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _replace(path: Path, other: Path, kept: Path) -> None:
    try:
        with _locked(path) as connection:
            connection.execute("ROLLBACK")
            # What stands in the -wal file goes into the database, and the file goes away: beside
            # the other database it would destroy that.
            _set_journal(connection, "delete")
            try:
                # Locked again: with another journal there are other locks.
                connection.execute("BEGIN EXCLUSIVE")
                _keep(path, kept)
                other.replace(path)
            except BaseException:
                connection.execute("ROLLBACK")
                _put_back(path, kept)
                _set_journal(connection, "wal")
                raise
    except DamagedStore:
        _replace_damaged(path, other, kept)
    make_private(kept)


@contextmanager
def _locked(path: Path) -> Iterator[sqlite3.Connection]:
    with path.open("rb") as file:
        if file.read(len(_BEGINNING)) != _BEGINNING:
            raise DamagedStore(f"{path} is damaged: it is not a database")
    connection = sqlite3.connect(path, timeout=0, isolation_level=None)
    try:
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        yield connection
    except sqlite3.OperationalError as error:
        if error.sqlite_errorname.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            raise StoreError(_explain_use(path)) from error
        raise StoreError(f"{path} cannot be locked: {error}") from error
    except sqlite3.DatabaseError as error:
        raise DamagedStore(f"{path} is damaged: {error}") from error
    finally:
        connection.close()


def _set_journal(connection: sqlite3.Connection, mode: str) -> None:
    connection.execute(f"PRAGMA journal_mode={mode}").fetchone()


def _replace_damaged(path: Path, other: Path, kept: Path) -> None:
    """Put another file in the place of one that is no database any more, with all that is beside
    it: perhaps somebody can read it by other means."""
    if find_users(path):
        raise StoreError(_explain_use(path))
    _keep(path, kept)
    _set_aside(path, kept)
    other.replace(path)


def _set_aside(path: Path, kept: Path) -> None:
    """Move what stands beside a store: beside another database it would destroy that."""
    for suffix in _BESIDE:
        beside = path.with_name(path.name + suffix)
        if beside.exists():
            beside.replace(kept.with_name(kept.name + suffix))


def _keep(path: Path, kept: Path) -> None:
    """Give a file a second name, or another one where the file system knows no second names."""
    try:
        kept.hardlink_to(path)
    except OSError:
        path.replace(kept)


def _put_back(path: Path, kept: Path) -> None:
    """Undo `_keep`."""
    if path.exists():
        kept.unlink(missing_ok=True)
    elif kept.exists():
        kept.replace(path)


def _explain_use(path: Path) -> str:
    users = find_users(path)
    named = f" by {', '.join(users)}" if users else ""
    return (
        f"{path} is in use{named}: stop `csat serve`, `csat deliver`, and whatever else uses the "
        "database, and start it again afterwards"
    )


def find_users(path: Path) -> list[str]:
    """Return the other processes that have a file open, as far as the system shows them to us."""
    resolved, own = path.resolve(), str(os.getpid())
    return sorted(
        f"process {process.name}"
        for process in Path("/proc").glob("[0-9]*")
        if process.name != own and _has_open(process, resolved)
    )


def _has_open(process: Path, path: Path) -> bool:
    # Processes end meanwhile, and those of others cannot be looked into.
    with contextlib.suppress(OSError):
        for descriptor in (process / "fd").iterdir():
            with contextlib.suppress(OSError):
                if descriptor.readlink() == path:
                    return True
    return False
