"""The donation ledger, which the database itself keeps from being changed."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

CLOSES = sa.text("kind = 'close'")
IN_THE_WAY = {
    "ledger_entries": "sequence = NEW.sequence OR hash = NEW.hash"
    " OR previous_hash = NEW.previous_hash"
    " OR month = NEW.month AND kind = 'close' AND NEW.kind = 'close'",
    "ledger_tickets": "sequence = NEW.sequence",
}
REFUSAL = "the donation ledger is never changed, it is only added to"


def upgrade() -> None:
    """Create the tables of the ledger, and the triggers that refuse to change or delete a row."""
    op.create_table(
        "ledger_entries",
        sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False),
        *(
            sa.Column(name, sa.Text, nullable=False)
            for name in ("kind", "month", "recorded_at", "recorded_by")
        ),
        sa.Column("original_month", sa.Text),
        sa.Column("ticket_id", sa.Text),
        sa.Column("reason", sa.Text),
        sa.Column("hedgehogs", sa.BigInteger),
        sa.Column("unit_amount", sa.Text),
        sa.Column("currency", sa.Text),
        sa.Column("amount", sa.Text),
        sa.Column("charity", sa.Text),
        sa.Column("charity_reference", sa.Text),
        sa.Column("paid_on", sa.Text),
        sa.Column("payment_reference", sa.Text),
        sa.Column("corrected", sa.Integer),
        sa.Column("timezone", sa.Text),
        sa.Column("opens_at", sa.Text),
        sa.Column("closes_at", sa.Text),
        sa.Column("rules", sa.Text),
        sa.Column("newest_answer", sa.BigInteger),
        sa.Column("tickets_digest", sa.Text),
        sa.Column("previous_hash", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
        sa.UniqueConstraint("previous_hash"),
        sa.UniqueConstraint("hash"),
    )
    op.create_index("ix_ledger_entries_month", "ledger_entries", ["month"])
    op.create_index(
        "ix_ledger_entries_closes",
        "ledger_entries",
        ["month"],
        unique=True,
        sqlite_where=CLOSES,
        postgresql_where=CLOSES,
    )
    op.create_table(
        "ledger_tickets",
        sa.Column(
            "sequence",
            sa.Integer,
            sa.ForeignKey("ledger_entries.sequence"),
            primary_key=True,
            autoincrement=False,
        ),
        sa.Column("tickets", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "settled_months",
        sa.Column("month", sa.Text, primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
    )
    if op.get_bind().dialect.name == "sqlite":
        _refuse_on_sqlite()
    else:
        _refuse_on_postgresql()


def _refuse_on_sqlite() -> None:
    for table in IN_THE_WAY:
        for change in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_refuse_{change.lower()} BEFORE {change} ON {table}"
                f" BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
            )
        # INSERT OR REPLACE deletes the rows that stand in its way, and calls no trigger for them.
        op.execute(
            f"CREATE TRIGGER {table}_refuse_replace BEFORE INSERT ON {table}"  # nosec B608 # constants
            f" WHEN EXISTS (SELECT 1 FROM {table} WHERE {IN_THE_WAY[table]})"
            f" BEGIN SELECT RAISE(ABORT, '{REFUSAL}'); END"
        )


def _refuse_on_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION refuse_ledger_change() RETURNS trigger LANGUAGE plpgsql AS"
        f" $$ BEGIN RAISE EXCEPTION '{REFUSAL}'; END $$"
    )
    for table in IN_THE_WAY:
        op.execute(
            f"CREATE TRIGGER {table}_refuse_change BEFORE UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION refuse_ledger_change()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_refuse_truncate BEFORE TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change()"
        )
