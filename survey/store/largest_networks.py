"""How many unverified answers the network sent that sent most of them on a day."""

from datetime import date

from sqlalchemy import Connection, func, null, select, union_all

from survey.store.models import NetworkDayRow


def count_largest_networks(connection: Connection, day: date) -> dict[str | None, int]:
    """Return for each team how many unverified answers a single network sent on a day (in UTC), at
    most; under None, for all teams together.

    Only networks on the same day can be told apart: their names are another day's nowhere.
    """
    of_day = NetworkDayRow.day == str(day)
    answers = func.sum(NetworkDayRow.answers).label("answers")
    in_team = select(NetworkDayRow.team, answers).where(of_day)
    in_team = in_team.group_by(NetworkDayRow.team, NetworkDayRow.network)
    in_all = select(null().label("team"), answers).where(of_day).group_by(NetworkDayRow.network)
    networks = union_all(in_team, in_all).subquery()
    largest = select(networks.c.team, func.max(networks.c.answers)).group_by(networks.c.team)
    return {team: int(number) for team, number in connection.execute(largest)}
