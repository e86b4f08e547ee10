"""The reports site: users, audit, marks, page views a day, versions of days, messages to teams."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

WAITING = sa.text("delivered_at IS NULL AND dead_at IS NULL")
PAGE_VIEWS = sa.text("page_view_uuid IS NOT NULL")
# The partial indexes that a copy of the table on SQLite would lose, and those that change.
_INDEXES = {
    "ix_outbox_waiting": (["channel", "available_at", "id"], WAITING),
    "ix_outbox_waiting_ticket": (["ticket_id", "channel", "id"], WAITING),
    "ix_outbox_delivered": (["channel", "delivered_at"], sa.text("delivered_at IS NOT NULL")),
    "ix_outbox_dead": (["id"], sa.text("dead_at IS NOT NULL")),
    "ix_outbox_page_views": (["created_at"], PAGE_VIEWS),
    "ix_outbox_page_views_ticket": (["ticket_id", "created_at"], PAGE_VIEWS),
}
_INSTANT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Add what the reports site keeps, and let the outbox hold messages to teams."""
    _extend_outbox()
    _add_languages()
    op.create_table(
        "day_versions",
        sa.Column("day", sa.Text, primary_key=True),
        sa.Column("shard", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("version", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "page_view_days",
        sa.Column("day", sa.Text, primary_key=True),
        sa.Column("team", sa.Text, primary_key=True),
        sa.Column("shard", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("views", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "marks",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("day", sa.Text, nullable=False, index=True),
        sa.Column("words", sa.Text, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
    )
    op.create_table(
        "users",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("password_hash", sa.Text),
        sa.Column("subject", sa.Text),
        sa.Column("is_enabled", sa.Boolean, nullable=False),
        sa.Column("session_version", sa.Integer, nullable=False),
        sa.Column("created_at", _INSTANT, nullable=False),
        sa.UniqueConstraint("name"),
        sa.UniqueConstraint("subject"),
    )
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("at", _INSTANT, nullable=False, index=True),
        sa.Column("user_name", sa.Text, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("target", sa.Text, nullable=False),
    )


def _extend_outbox() -> None:
    for name in _INDEXES:
        op.drop_index(name, "outbox")
    with op.batch_alter_table("outbox") as outbox:
        outbox.add_column(sa.Column("message_key", sa.Text))
        outbox.add_column(sa.Column("channel", sa.Text, nullable=False, server_default="posthog"))
        outbox.create_unique_constraint("uq_outbox_message_key", ["message_key"])
        outbox.drop_constraint("one_origin", type_="check")
        outbox.create_check_constraint(
            "one_origin",
            "(answer_uuid IS NULL) <> (page_view_uuid IS NULL) AND message_key IS NULL"
            " OR answer_uuid IS NULL AND page_view_uuid IS NULL AND message_key IS NOT NULL",
        )
    for name, (columns, where) in _INDEXES.items():
        op.create_index(name, "outbox", columns, sqlite_where=where, postgresql_where=where)


def _add_languages() -> None:
    """Keep the language of responses; that of imported answers stands in their properties."""
    op.add_column("responses", sa.Column("language", sa.Text))
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    given = (
        "json_extract(properties, '$.\"$survey_language\"')"
        if is_sqlite
        else "properties::json ->> '$survey_language'"
    )
    op.execute(
        f"UPDATE answers SET language = {given}"  # nosec B608 # one of two constants
        f" WHERE source = 'import' AND properties IS NOT NULL AND length({given}) <= 35"
    )
    op.execute(
        "UPDATE responses SET language = (SELECT answers.language FROM answers"
        " WHERE answers.ticket_id = responses.ticket_id"
        " AND answers.distinct_id = responses.distinct_id"
        " AND answers.answered_at = responses.changed_at AND answers.language IS NOT NULL LIMIT 1)"
    )
