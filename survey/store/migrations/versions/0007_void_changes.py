"""What was made void, and what counts again, with the reasons; submission ids outlive a void."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make the table, and begin it with the voids that there are."""
    op.add_column("voids", sa.Column("submission_id", sa.Text))
    op.create_table(
        "void_changes",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("ticket_id", sa.Text, nullable=False),
        sa.Column("is_void", sa.Boolean, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_void_changes"),
    )
    op.create_index("ix_void_changes_ticket_id", "void_changes", ["ticket_id"])
    op.execute(
        "INSERT INTO void_changes (ticket_id, is_void, reason, changed_at)"
        " SELECT ticket_id, true, reason, voided_at FROM voids"
    )
