"""Indexes by which the answers that decide over a ticket are found, of however many."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

INDEXED = sa.text("rating IS NOT NULL AND length(distinct_id) <= 200")


def upgrade() -> None:
    """Put an index of tickets with more in it in the place of the bare one, and add persons."""
    op.create_index(
        "ix_answers_ticket_id_source_answered_at",
        "answers",
        ["ticket_id", "source", "answered_at"],
    )
    op.drop_index("ix_answers_ticket_id", "answers")
    op.create_index(
        "ix_answers_of_person",
        "answers",
        ["ticket_id", "distinct_id", "link_trust", "answered_at"],
        sqlite_where=INDEXED,
        postgresql_where=INDEXED,
    )
