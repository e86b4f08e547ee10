"""How many tickets a day can begin with an unverified answer: anybody can make tickets up."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta

from sqlalchemy import Connection

from survey.store.daily_figures import add_figures, figure_of_day
from survey.vocabulary import DailyFigure


class Growth:
    """The tickets that begin so in one transaction, after those that the days (in UTC) have
    already. Transactions at the same time do not see each other's, so together they may begin a few
    more than `most`."""

    def __init__(self, connection: Connection, most: int) -> None:
        self._connection = connection
        self._most = most
        self._before: dict[date, int] = {}
        self._begun: Counter[date] = Counter()

    def take(self, at: datetime) -> bool:
        """Begin a ticket; return False if its day has enough."""
        day = day_of(at)
        if day not in self._before:
            figure = DailyFigure.UNVERIFIED_TICKETS
            self._before[day] = figure_of_day(self._connection, day, figure)
        if self._before[day] + self._begun[day] >= self._most:
            return False
        self._begun[day] += 1
        return True

    def save(self) -> None:
        """Add what was begun to the figures of the days."""
        figures = {
            (day, DailyFigure.UNVERIFIED_TICKETS): begun for day, begun in self._begun.items()
        }
        add_figures(self._connection, figures)


def day_of(at: datetime) -> date:
    """Return the day of an instant, in UTC."""
    return at.astimezone(UTC).date()


def rest_of_day(at: datetime) -> timedelta:
    """Return how long the day (in UTC) of an instant still is."""
    tomorrow = datetime.combine(day_of(at) + timedelta(days=1), time(), UTC)
    return tomorrow - at
