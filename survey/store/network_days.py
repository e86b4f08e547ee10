"""Functions that count the unverified answers of each network, team and day (in UTC)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import Connection, delete, func, select, text

from survey.store.changes import choose_shard
from survey.store.models import NetworkDayRow

_ADD = text(
    "INSERT INTO network_days (day, team, network, shard, answers)"
    " VALUES (:day, :team, :network, :shard, :answers)"
    " ON CONFLICT (day, team, network, shard)"
    " DO UPDATE SET answers = network_days.answers + excluded.answers"
)


@dataclass(frozen=True, order=True)
class NetworkDay:
    """How many unverified answers a network sent for a team on a day. `network` is a keyed hash,
    and another one on every day."""

    day: date
    team: str
    network: str
    answers: int


def add_network_days(connection: Connection, answers: Mapping[tuple[date, str, str], int]) -> None:
    """Add to the numbers of answers of each `(day, team, network)`."""
    if answers:
        shard = choose_shard(connection)
        # All transactions lock the rows in the same order, so that no two wait for each other.
        rows = [
            {"day": str(day), "team": team, "network": network, "shard": shard, "answers": number}
            for (day, team, network), number in sorted(answers.items())
        ]
        connection.execute(_ADD, rows)


def unverified_by_network(connection: Connection, since: date, until: date) -> list[NetworkDay]:
    """Return the answers of the days from `since` to `until`, both included, by day, team and
    network."""
    key = (NetworkDayRow.day, NetworkDayRow.team, NetworkDayRow.network)
    counted = (
        select(*key, func.sum(NetworkDayRow.answers))
        .where(NetworkDayRow.day >= str(since), NetworkDayRow.day <= str(until))
        .group_by(*key)
    )
    return sorted(
        NetworkDay(date.fromisoformat(day), str(team), str(network), int(answers))
        for day, team, network, answers in connection.execute(counted)
    )


def forget_network_days(connection: Connection, before: date) -> int:
    """Forget the networks of the days before `before`; return how many rows."""
    old = delete(NetworkDayRow).where(NetworkDayRow.day < str(before))
    return connection.execute(old).rowcount
