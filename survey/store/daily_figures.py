"""Functions that add to the operator's figures of each day (in UTC), and read them."""

from collections.abc import Mapping
from datetime import date

from sqlalchemy import Connection, bindparam, delete, func, select, text

from survey.store.changes import choose_shard
from survey.store.models import DailyFigureRow
from survey.vocabulary import DailyFigure

_ADD = text(
    "INSERT INTO daily_figures (day, name, shard, value) VALUES (:day, :name, :shard, :value)"
    " ON CONFLICT (day, name, shard) DO UPDATE SET value = daily_figures.value + excluded.value"
)
_VALUE = select(func.sum(DailyFigureRow.value)).where(
    DailyFigureRow.day == bindparam("day"), DailyFigureRow.name == bindparam("name")
)
_VALUES = (
    select(DailyFigureRow.name, func.sum(DailyFigureRow.value))
    .where(DailyFigureRow.day == bindparam("day"))
    .group_by(DailyFigureRow.name)
)


def add_figures(connection: Connection, figures: Mapping[tuple[date, DailyFigure], int]) -> None:
    """Add to these figures of their days."""
    if figures:
        shard = choose_shard(connection)
        # All transactions lock the rows in the same order, so that no two wait for each other.
        rows = [
            {"day": str(day), "name": name.value, "shard": shard, "value": value}
            for (day, name), value in sorted(figures.items())
        ]
        connection.execute(_ADD, rows)


def figure_of_day(connection: Connection, day: date, name: DailyFigure) -> int:
    """Return one figure of a day."""
    return int(connection.scalar(_VALUE, {"day": str(day), "name": name.value}) or 0)


def figures_of_day(connection: Connection, day: date) -> dict[DailyFigure, int]:
    """Return all figures of a day, those that are 0, too."""
    found = {name: int(value) for name, value in connection.execute(_VALUES, {"day": str(day)})}
    return {figure: found.get(figure.value, 0) for figure in DailyFigure}


def forget_figures(connection: Connection, before: date) -> int:
    """Forget the figures of the days before `before`; return how many rows."""
    old = delete(DailyFigureRow).where(DailyFigureRow.day < str(before))
    return connection.execute(old).rowcount
