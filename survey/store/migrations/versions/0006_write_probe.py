"""A row that is written to find out whether the database can be written."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Make room for it."""
    op.create_table(
        "write_probes",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("padding", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_write_probes"),
    )
