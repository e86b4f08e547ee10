"""Page views in the outbox: events that belong to no answer."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

WAITING = sa.text("delivered_at IS NULL AND dead_at IS NULL")
PARTIAL_INDEXES = {
    "ix_outbox_waiting": (["available_at", "id"], WAITING),
    "ix_outbox_waiting_ticket": (["ticket_id", "id"], WAITING),
    "ix_outbox_delivered": (["delivered_at"], sa.text("delivered_at IS NOT NULL")),
    "ix_outbox_dead": (["id"], sa.text("dead_at IS NOT NULL")),
}
PAGE_VIEWS = sa.text("page_view_uuid IS NOT NULL")


def upgrade() -> None:
    """Let an event come from a page view instead of an answer."""
    # SQLite changes a column by copying the table, and the copy would lose what its partial
    # indexes leave out.
    copies = op.get_bind().dialect.name == "sqlite"
    if copies:
        for name in PARTIAL_INDEXES:
            op.drop_index(name, "outbox")
    with op.batch_alter_table("outbox") as outbox:
        outbox.alter_column("answer_uuid", existing_type=sa.Text, nullable=True)
        outbox.add_column(sa.Column("page_view_uuid", sa.Text))
        outbox.create_unique_constraint("uq_outbox_page_view_uuid", ["page_view_uuid"])
        outbox.create_check_constraint(
            "one_origin", "(answer_uuid IS NULL) <> (page_view_uuid IS NULL)"
        )
    if copies:
        for name, (columns, where) in PARTIAL_INDEXES.items():
            _create_index(name, columns, where)
    _create_index("ix_outbox_page_views", ["created_at"], PAGE_VIEWS)
    _create_index("ix_outbox_page_views_ticket", ["ticket_id", "created_at"], PAGE_VIEWS)


def _create_index(name: str, columns: list[str], where: sa.TextClause) -> None:
    op.create_index(name, "outbox", columns, sqlite_where=where, postgresql_where=where)
