"""Stores for targets: new ones without answers, in memory where the machine has a disk there."""

import atexit
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from survey.store.database import Database
from survey.store.migrate import upgrade


@cache
def folder() -> Path:
    """Return the folder of this process, which goes with it."""
    path = tempfile.mkdtemp(prefix="csat-fuzz-", dir="/dev/shm" if _has_memory_disk() else None)
    atexit.register(shutil.rmtree, path, ignore_errors=True)
    return Path(path)


def _has_memory_disk() -> bool:
    return Path("/dev/shm").is_dir()


@cache
def _template() -> Path:
    path = folder() / "template.db"
    database = Database(f"sqlite:///{path}")
    upgrade(database)
    database.close()
    return path


@contextmanager
def new_store() -> Iterator[Database]:
    """A store without answers."""
    path = folder() / "store.db"
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    shutil.copy(_template(), path)
    database = Database(f"sqlite:///{path}")
    try:
        yield database
    finally:
        database.close()
