"""The job of `csat tick` that forgets what is too old."""

import contextlib
from collections.abc import Sequence
from datetime import datetime

from survey.erasing.files import REMAINS, erase_files
from survey.erasing.retention import forget_due
from survey.errors import CsatError
from survey.settings import Settings
from survey.store.database import Database
from survey.store.erasing import TABLES
from survey.store.errors import StoreError


class NotForgotten(CsatError):
    """The error that something that is too old could not be removed."""


def forget_everywhere(
    database: Database, settings: Settings, now: datetime, erasers: Sequence[str]
) -> str | None:
    """Forget what is due in the store, and then what lies in files; return what was done, or None
    if nothing was. Raise NotForgotten if something remains."""
    forgotten = forget_due(database, settings, now)
    if forgotten is None:
        return None
    rows = f"retention: {forgotten.counts.total():,} rows from before {forgotten.before:%Y-%m-%d}"
    if not forgotten.is_complete:
        return f"{rows} forgotten so far; it goes on"
    # What readers keep in the log is emptied by the next day's run.
    with contextlib.suppress(StoreError):
        database.clean(TABLES)
    lines = list(erase_files(erasers, database, settings)) if forgotten.counts else []
    if remaining := [line for line in lines if line.startswith(REMAINS)]:
        raise NotForgotten("; ".join(remaining))
    return f"{rows} forgotten"
