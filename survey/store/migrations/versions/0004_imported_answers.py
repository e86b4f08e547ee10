"""Imported answers: which survey they belong to, and the copies of them that do not count."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

INSTANT = sa.DateTime(timezone=True)
COMMENTED = sa.text("comment IS NOT NULL")


def upgrade() -> None:
    """Make room for what an event says and a form does not."""
    op.add_column("answers", sa.Column("survey_id", sa.Text))
    op.add_column("answers", sa.Column("said", sa.Text))
    op.create_table(
        "answer_copies",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("uuid", sa.Text, nullable=False),
        sa.Column("ticket_id", sa.Text),
        sa.Column("distinct_id", sa.Text, nullable=False),
        sa.Column("rating", sa.Integer),
        sa.Column("comment", sa.Text),
        sa.Column("team", sa.Text, nullable=False),
        sa.Column("answered_at", INSTANT, nullable=False),
        sa.Column("link_trust", sa.Text, nullable=False),
        sa.Column("survey_id", sa.Text),
        sa.Column("said", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_answer_copies"),
        sa.UniqueConstraint("fingerprint", name="uq_answer_copies_fingerprint"),
    )
    op.create_index("ix_answer_copies_uuid", "answer_copies", ["uuid"])
    op.create_index("ix_answer_copies_answered_at", "answer_copies", ["answered_at"])
    op.create_index(
        "ix_responses_commented",
        "responses",
        ["answered_at", "team"],
        sqlite_where=COMMENTED,
        postgresql_where=COMMENTED,
    )
