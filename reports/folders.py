"""The folders that hold reports: remembered, and written again after an erasure."""

import csv
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection

from pipeline.commands.options import open_local_source
from pipeline.sources.base import BadSource
from reports.mailing import rewrite_waiting_reports
from reports.writing import write_report
from survey.addresses import show_address
from survey.clock import now
from survey.errors import CsatError
from survey.months import Month
from survey.progress import show_progress
from survey.settings import Settings
from survey.store.database import Database
from survey.store.erasures import read_erasures
from survey.store.errors import StoreError
from survey.store.report_folders import (
    ReportFolder,
    any_erased_among,
    any_erased_since,
    forget_report_folder,
    list_report_folders,
    note_report_folder,
)

UNKNOWN_FOLDER = (
    "csat: the database cannot be written from here, so it does not know of this folder: after a "
    "person was erased, write the report again."
)
_EXPORT = "export:"
_FILES = ("report.html", "comments.csv")


def remember_folder(
    database: Database, folder: Path, month: Month, source: str, as_of: datetime
) -> bool:
    """Remember that the report of a month is written to a folder, from what `--source` named, as it
    is at a time; return False if the store cannot be written. Without a store nobody is erased."""
    if not database.exists:
        return True
    written = ReportFolder(str(folder.absolute()), month, _keep_source(source), as_of)
    try:
        with database.writing() as connection:
            note_report_folder(connection, written)
    except (StoreError, OSError):
        return False
    return True


def rewrite_reports(database: Database, settings: Settings) -> list[str]:
    """Write those reports again, in folders and in mails that wait, that still have words which
    were erased. Return what to tell the operator; a line that begins with `remains: ` says what is
    left to do."""
    as_of = now()
    with database.reading() as connection:
        folders = list_report_folders(connection)
    lines: list[str] = []
    with show_progress("Writing reports again", "folders looked at") as on_progress:
        for number, folder in enumerate(folders, start=1):
            lines += _look_at(database, settings, folder, as_of)
            on_progress(number)
    lines += rewrite_waiting_reports(database, settings, as_of)
    return [*lines, _tell_sources(folders)]


def _look_at(
    database: Database, settings: Settings, folder: ReportFolder, as_of: datetime
) -> list[str]:
    """Write a folder again if it must be; return what to tell."""
    path = Path(folder.path)
    if not any((path / name).exists() for name in _FILES):
        return _forget(database, folder)
    try:
        with database.reading() as connection:
            if not _has_erased_words(connection, settings, folder):
                return []
        source = open_local_source(folder.source, settings, database, None)
        write_report(path, folder.month, settings, database, source, as_of, lambda _read: None)
        with database.writing() as connection:
            written = ReportFolder(folder.path, folder.month, folder.source, as_of)
            note_report_folder(connection, written)
    except (CsatError, BadSource) as error:
        return [
            f"remains: the report of {folder.month} in {path} has words that were erased, and "
            f"could not be written again: {error}. Delete the folder, or run `csat report --month "
            f"{folder.month} --source {folder.source} --out {path}`."
        ]
    return [f"Written again, as the answers are now: the report of {folder.month} in {path}."]


def _forget(database: Database, folder: ReportFolder) -> list[str]:
    """Forget a folder that is not here; return what to tell if it may be elsewhere."""
    with database.writing() as connection:
        is_concerned = any_erased_since(connection, folder.written_at)
        forget_report_folder(connection, folder.path)
    if database.is_sqlite or not is_concerned:
        return []
    # Other machines use the same server.
    return [
        f"remains: the report of {folder.month} in {folder.path} is not on this machine. If it is "
        f"on another one, delete it there, or run there `csat report --month {folder.month} "
        f"--source {folder.source} --out {folder.path}`. This is said once."
    ]


def _has_erased_words(connection: Connection, settings: Settings, folder: ReportFolder) -> bool:
    """Return whether a folder has a comment of an answer whose words were removed after the report
    was written."""
    try:
        tickets, oldest = _read_comments(Path(folder.path, "comments.csv"))
    except (OSError, ValueError, KeyError, TypeError, csv.Error):
        return True  # somebody changed it
    if oldest is None:
        return False
    if folder.source == "database":
        return any_erased_among(connection, tickets, folder.written_at)
    # The store need not have the answers of an export.
    forgotten_before = read_erasures(connection, settings.secret_keys).forgotten_before
    is_forgotten = forgotten_before is not None and oldest < forgotten_before
    return is_forgotten or any_erased_since(connection, folder.written_at)


def _read_comments(path: Path) -> tuple[list[str], datetime | None]:
    """Return the tickets of a report's comments, and the time of the first."""
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        if "ticket_id" not in (reader.fieldnames or ()):
            raise ValueError("these are no comments of a report")
        rows = list(reader)
    tickets = {row["ticket_id"] for row in rows}
    # As they stood before they were made harmless for spreadsheets.
    tickets |= {ticket[1:] for ticket in tickets if ticket.startswith("'")}
    times = [datetime.fromisoformat(row["answered_at"]) for row in rows]
    return sorted(tickets), min(times, default=None)


def _keep_source(source: str) -> str:
    """Return the name of a source by which it is found from anywhere. What may be a password is
    left out."""
    path = source.removeprefix(_EXPORT)
    if path != source and "://" not in path:
        source = f"{_EXPORT}{Path(path).absolute()}"
    return show_address(source)


def _tell_sources(folders: Sequence[ReportFolder]) -> str:
    """Return what to say of files that are not ours to change."""
    known = sorted({folder.source for folder in folders if folder.source.startswith(_EXPORT)})
    of_reports = f" Reports were made from {', '.join(known)}." if known else ""
    return (
        "Files that were exported from PostHog, imported or not, still have the person, and are "
        f"not changed: delete them, or export them again when PostHog is done.{of_reports}"
    )
