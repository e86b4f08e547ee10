"""Erasures and retention, rate limits, figures of each day, and the runs of jobs."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the tables, and the columns that tell erased answers from others."""
    op.add_column("answers", sa.Column("erased_at", _INSTANT))
    op.add_column("answer_copies", sa.Column("erased_at", _INSTANT))
    op.create_table(
        "erasures",
        sa.Column("pseudonym", sa.Text, primary_key=True),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("erased_at", _INSTANT, nullable=False),
        sa.Column("confirmed_by", sa.Text, nullable=False),
        sa.Column("counts", sa.Text, nullable=False),
        sa.Column("person_uuids", sa.Text),
        sa.Column("requested_at", _INSTANT),
        sa.Column("checked_at", _INSTANT),
        sa.Column("deleted_at", _INSTANT),
    )
    op.create_table(
        "redactions",
        sa.Column("ticket_id", sa.Text, primary_key=True),
        sa.Column("redacted_at", _INSTANT, nullable=False),
    )
    op.create_table(
        "retention",
        sa.Column("key_id", sa.Text, primary_key=True),
        sa.Column("forgotten_before", _INSTANT, nullable=False),
    )
    op.create_table(
        "report_folders",
        sa.Column("path", sa.Text, primary_key=True),
        sa.Column("month", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("written_at", _INSTANT, nullable=False),
    )
    op.create_table(
        "rate_counts",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("hits", sa.Integer, nullable=False),
        sa.Column("expires_at", _INSTANT, nullable=False, index=True),
    )
    op.create_table(
        "network_days",
        sa.Column("day", sa.Text, primary_key=True),
        sa.Column("team", sa.Text, primary_key=True),
        sa.Column("network", sa.Text, primary_key=True),
        sa.Column("shard", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("answers", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "daily_figures",
        sa.Column("day", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("shard", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("value", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "job_runs",
        sa.Column("job", sa.Text, primary_key=True),
        sa.Column("started_at", _INSTANT, nullable=False),
        sa.Column("succeeded_at", _INSTANT),
        sa.Column("failed_at", _INSTANT),
        sa.Column("reason", sa.Text),
    )
    support = op.create_table(
        "schema_support",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("oldest", sa.Text, nullable=False),
    )
    # Earlier releases cannot read it, and refuse every other schema than their own.
    op.bulk_insert(support, [{"id": 1, "oldest": revision}])
