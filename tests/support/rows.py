"""What stands in a table."""

from collections.abc import Sequence

from sqlalchemy import Row, select

from survey.store.database import Database
from survey.store.models import Base


def rows(database: Database, model: type[Base]) -> Sequence[Row]:
    """The rows of a table by their first key."""
    with database.reading() as connection:
        in_order = select(model).order_by(model.__table__.primary_key.columns[0])
        return connection.execute(in_order).all()
