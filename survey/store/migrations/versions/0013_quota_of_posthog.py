"""Whether PostHog drops events for its quota, known to all delivery workers."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
# It only adds a table. Workers of the release before do not wait for the quota, as ever.
oldest = "0012"

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the table with its one row."""
    quota = op.create_table(
        "outbox_quota",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("dropped_at", _INSTANT),
        sa.Column("probe_at", _INSTANT),
    )
    op.bulk_insert(quota, [{"id": 1, "dropped_at": None, "probe_at": None}])
