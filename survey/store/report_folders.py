"""The folders that reports were written to: an erasure looks for a person's words there, too."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, select, text

from survey.months import Month
from survey.store.models import AnswerRow, ErasureRow, RedactionRow, ReportFolderRow

_COLUMNS = (
    ReportFolderRow.path,
    ReportFolderRow.month,
    ReportFolderRow.source,
    ReportFolderRow.written_at,
)
_NOTE = text(
    "INSERT INTO report_folders (path, month, source, written_at)"
    " VALUES (:path, :month, :source, :written_at)"
    " ON CONFLICT (path) DO UPDATE SET month = excluded.month, source = excluded.source,"
    " written_at = excluded.written_at"
).bindparams(bindparam("written_at", type_=ReportFolderRow.written_at.type))
# A database takes only so many parameters at once.
_TICKETS_AT_ONCE = 500


@dataclass(frozen=True)
class ReportFolder:
    """A folder that a month's report was written to, and when it was read what is written there.
    `source` is what `--source` named."""

    path: str
    month: Month
    source: str
    written_at: datetime


def note_report_folder(connection: Connection, folder: ReportFolder) -> None:
    """Remember that a report is written to a folder, in place of what stood there before."""
    connection.execute(_NOTE, {**vars(folder), "month": str(folder.month)})


def list_report_folders(connection: Connection) -> list[ReportFolder]:
    """Return the folders that reports were written to, by path."""
    return [
        ReportFolder(row.path, Month.parse(row.month), row.source, row.written_at)
        for row in connection.execute(select(*_COLUMNS).order_by(ReportFolderRow.path))
    ]


def forget_report_folder(connection: Connection, path: str) -> None:
    """Forget a folder that is gone."""
    connection.execute(delete(ReportFolderRow).where(ReportFolderRow.path == path))


def any_erased_since(connection: Connection, since: datetime) -> bool:
    """Return whether a person was erased, or the comments of a ticket removed, since a time."""
    persons = select(ErasureRow.pseudonym).where(ErasureRow.erased_at >= since)
    tickets = select(RedactionRow.ticket_id).where(RedactionRow.redacted_at >= since)
    return any(connection.scalar(each.limit(1)) is not None for each in (persons, tickets))


def any_erased_among(connection: Connection, ticket_ids: Sequence[str], since: datetime) -> bool:
    """Return whether words were removed from an answer to one of these tickets since a time."""
    answers = select(AnswerRow.ticket_id).where(AnswerRow.erased_at >= since)
    tickets = select(RedactionRow.ticket_id).where(RedactionRow.redacted_at >= since)
    for begin in range(0, len(ticket_ids), _TICKETS_AT_ONCE):
        some = ticket_ids[begin : begin + _TICKETS_AT_ONCE]
        for found, column in ((answers, AnswerRow.ticket_id), (tickets, RedactionRow.ticket_id)):
            if connection.scalar(found.where(column.in_(some)).limit(1)) is not None:
                return True
    return False
