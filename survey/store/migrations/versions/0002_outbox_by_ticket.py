"""The outbox in the order of its tickets: indexes for it, reasons apart from words, totals."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

WAITING = sa.text("delivered_at IS NULL AND dead_at IS NULL")
DELIVERED = sa.text("delivered_at IS NOT NULL")
DEAD = sa.text("dead_at IS NOT NULL")


def upgrade() -> None:
    """Keep what waits, what was delivered and what is dead."""
    op.drop_index("ix_outbox_waiting", "outbox")
    op.add_column("outbox", sa.Column("last_reason", sa.Text))
    op.add_column("outbox", sa.Column("last_words", sa.Text))
    # What was one text, the reason before the colon, becomes two columns.
    outbox = sa.table(
        "outbox",
        sa.column("id", sa.Integer),
        sa.column("last_error", sa.Text),
        sa.column("last_reason", sa.Text),
        sa.column("last_words", sa.Text),
    )
    connection = op.get_bind()
    kept = sa.select(outbox.c.id, outbox.c.last_error).where(outbox.c.last_error.is_not(None))
    for row in connection.execute(kept).all():
        reason, _, words = row.last_error.partition(": ")
        connection.execute(
            sa.update(outbox)
            .where(outbox.c.id == row.id)
            .values(last_reason=reason, last_words=words or None)
        )
    op.drop_column("outbox", "last_error")
    op.drop_column("outbox", "attempts")
    _create_index("ix_outbox_waiting", ["available_at", "id"], WAITING)
    _create_index("ix_outbox_waiting_ticket", ["ticket_id", "id"], WAITING)
    _create_index("ix_outbox_delivered", ["delivered_at"], DELIVERED)
    _create_index("ix_outbox_dead", ["id"], DEAD)
    op.create_table(
        "outbox_totals",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("delivered", sa.BigInteger, nullable=False),
        sa.Column("dead", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_outbox_totals"),
    )
    connection.execute(
        sa.text(
            "INSERT INTO outbox_totals (id, delivered, dead) "
            "SELECT 1, count(delivered_at), count(dead_at) FROM outbox"
        )
    )


def _create_index(name: str, columns: list[str], where: sa.TextClause) -> None:
    op.create_index(name, "outbox", columns, sqlite_where=where, postgresql_where=where)
