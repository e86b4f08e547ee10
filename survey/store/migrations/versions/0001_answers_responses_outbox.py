"""The first tables: answers, responses, outbox, voids."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables of the first release."""
    op.create_table(
        "answers",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("uuid", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("ticket_id", sa.Text),
        sa.Column("distinct_id", sa.Text, nullable=False),
        sa.Column("rating", sa.Integer),
        sa.Column("comment", sa.Text),
        sa.Column("team", sa.Text, nullable=False),
        sa.Column("answered_at", INSTANT, nullable=False),
        sa.Column("link_trust", sa.Text, nullable=False),
        sa.Column("initial_target_area", sa.Text),
        sa.Column("language", sa.Text),
        sa.Column("rating_question", sa.Text),
        sa.Column("comment_question", sa.Text),
        sa.PrimaryKeyConstraint("id", name="pk_answers"),
        sa.UniqueConstraint("uuid", name="uq_answers_uuid"),
    )
    op.create_index("ix_answers_ticket_id", "answers", ["ticket_id"])
    op.create_index("ix_answers_answered_at", "answers", ["answered_at"])
    op.create_table(
        "responses",
        sa.Column("ticket_id", sa.Text, nullable=False),
        sa.Column("distinct_id", sa.Text, nullable=False),
        sa.Column("team", sa.Text, nullable=False),
        sa.Column("rating", sa.Integer, nullable=False),
        sa.Column("comment", sa.Text),
        sa.Column("link_trust", sa.Text, nullable=False),
        sa.Column("answered_at", INSTANT, nullable=False),
        sa.Column("changed_at", INSTANT, nullable=False),
        sa.Column("submission_id", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("ticket_id", name="pk_responses"),
        sa.UniqueConstraint("submission_id", name="uq_responses_submission_id"),
    )
    op.create_index(
        "ix_responses_answered_at_team_rating", "responses", ["answered_at", "team", "rating"]
    )
    op.create_table(
        "outbox",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("answer_uuid", sa.Text, nullable=False),
        sa.Column("ticket_id", sa.Text, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("available_at", INSTANT, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("last_error", sa.Text),
        sa.Column("delivered_at", INSTANT),
        sa.Column("dead_at", INSTANT),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
        sa.UniqueConstraint("answer_uuid", name="uq_outbox_answer_uuid"),
        sa.ForeignKeyConstraint(["answer_uuid"], ["answers.uuid"], name="fk_outbox_answer_uuid"),
    )
    op.create_index(
        "ix_outbox_waiting",
        "outbox",
        ["available_at", "id"],
        sqlite_where=sa.text("delivered_at IS NULL AND dead_at IS NULL"),
    )
    op.create_table(
        "applied_rules",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_applied_rules"),
    )
    op.create_table(
        "voids",
        sa.Column("ticket_id", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("voided_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("ticket_id", name="pk_voids"),
    )
