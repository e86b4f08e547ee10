"""Functions that add to the record of what users did in the reports, and read it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, insert, select

from survey.store.models import AuditRow

PAGE_SIZE = 50


@dataclass(frozen=True)
class AuditEntry:
    """Something that a user did: when, who, with which role, what, and to what."""

    id: int
    at: datetime
    user_name: str
    role: str
    action: str
    target: str


def add_entry(
    connection: Connection, at: datetime, user_name: str, role: str, action: str, target: str
) -> None:
    """Add an entry to the record."""
    connection.execute(
        insert(AuditRow),
        {"at": at, "user_name": user_name, "role": role, "action": action, "target": target},
    )


def list_entries(
    connection: Connection, before: int | None = None, limit: int = PAGE_SIZE
) -> list[AuditEntry]:
    """Return the newest entries, the newest first; with `before`, those older than the entry with
    this id."""
    statement = select(AuditRow.__table__).order_by(AuditRow.id.desc()).limit(limit)
    if before is not None:
        statement = statement.where(AuditRow.id < before)
    return [AuditEntry(**row) for row in connection.execute(statement).mappings()]
