"""Alembic's entry: runs inside the transaction that `survey.store.migrate` opened."""

from alembic import context

from survey.store.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
)
context.run_migrations()
