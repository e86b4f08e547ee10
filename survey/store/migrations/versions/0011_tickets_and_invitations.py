"""Tickets of the help desk, their reply intervals, and who was asked."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the tables of tickets, intervals, invitations, and what keeps their work in order."""
    op.create_table(
        "tickets",
        sa.Column("ticket_id", sa.Text, primary_key=True),
        sa.Column("requester_external_id", sa.Text),
        sa.Column("requester_email", sa.Text),
        sa.Column("customer", sa.Text, index=True),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("team", sa.Text, nullable=False),
        sa.Column("priority", sa.Text),
        sa.Column("plan", sa.Text, nullable=False),
        sa.Column("plan_by_hand", sa.Boolean, nullable=False),
        sa.Column("severity", sa.Text),
        sa.Column("language", sa.Text),
        sa.Column("channel", sa.Text),
        sa.Column("is_surveyed", sa.Boolean, nullable=False),
        sa.Column("is_excluded", sa.Boolean, nullable=False),
        sa.Column("created_at", _INSTANT),
        sa.Column("solved_at", _INSTANT, index=True),
        sa.Column("reopened_at", _INSTANT),
        sa.Column("escalated_at", _INSTANT),
        sa.Column("updated_at", _INSTANT, nullable=False),
        sa.Column("first_seen_at", _INSTANT, nullable=False),
    )
    op.create_table(
        "reply_intervals",
        sa.Column("ticket_id", sa.Text, primary_key=True),
        sa.Column("instance", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("activated_at", _INSTANT, nullable=False, index=True),
        sa.Column("replied_at", _INSTANT),
        sa.Column("ended_at", _INSTANT),
    )
    op.create_table(
        "invitations",
        sa.Column("ticket_id", sa.Text, primary_key=True),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("means", sa.Text),
        sa.Column("solved_at", _INSTANT, nullable=False),
        sa.Column("decided_at", _INSTANT, nullable=False, index=True),
        sa.Column("asked_at", _INSTANT, index=True),
        sa.Column("team", sa.Text, nullable=False),
        sa.Column("plan", sa.Text, nullable=False),
        sa.Column("language", sa.Text),
        sa.Column("customer", sa.Text),
    )
    op.create_index("ix_invitations_customer_asked_at", "invitations", ["customer", "asked_at"])
    op.create_table(
        "unsubscribed",
        sa.Column("customer", sa.Text, primary_key=True),
        sa.Column("unsubscribed_at", _INSTANT, nullable=False),
    )
    op.create_table(
        "webhook_invocations",
        sa.Column("invocation_id", sa.Text, primary_key=True),
        sa.Column("received_at", _INSTANT, nullable=False, index=True),
    )
    op.create_table(
        "zendesk_cursors",
        sa.Column("stream", sa.Text, primary_key=True),
        sa.Column("cursor", sa.Text, nullable=False),
        sa.Column("saved_at", _INSTANT, nullable=False),
    )
