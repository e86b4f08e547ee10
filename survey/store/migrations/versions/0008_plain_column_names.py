"""Columns by the terms of the field: properties of an event, and the error message for it."""

from alembic import op

revision = "0008"
down_revision = "0007"

_RENAMED = {
    ("answers", "said"): "properties",
    ("answer_copies", "said"): "properties",
    ("outbox", "last_words"): "error_message",
}


def upgrade() -> None:
    """Rename in place; both databases change the name alone, and copy no row."""
    for (table, old), new in _RENAMED.items():
        op.execute(f"ALTER TABLE {table} RENAME COLUMN {old} TO {new}")
