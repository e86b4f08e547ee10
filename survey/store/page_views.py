"""Functions that find recent page views in the outbox, and count the page views of each day."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import Connection, func, select, text

from survey.store.changes import choose_shard
from survey.store.models import OutboxRow, PageViewDayRow

_IS_PAGE_VIEW = OutboxRow.page_view_uuid.is_not(None)
_ADD = text(
    "INSERT INTO page_view_days (day, team, shard, views) VALUES (:day, :team, :shard, :views)"
    " ON CONFLICT (day, team, shard) DO UPDATE SET views = page_view_days.views + excluded.views"
)


def count_page_views(connection: Connection, since: datetime, at_most: int) -> int:
    """Return how many page views came after `since`, but at most `at_most`."""
    some = select(OutboxRow.id).where(_IS_PAGE_VIEW, OutboxRow.created_at > since).limit(at_most)
    return connection.scalar(select(func.count()).select_from(some.subquery())) or 0


def page_views_by_ticket(
    connection: Connection, ticket_ids: Sequence[str], since: datetime
) -> dict[str, int]:
    """Return how many page views of each of these tickets came after `since`."""
    counted = (
        select(OutboxRow.ticket_id, func.count().label("views"))
        .where(_IS_PAGE_VIEW, OutboxRow.ticket_id.in_(ticket_ids), OutboxRow.created_at > since)
        .group_by(OutboxRow.ticket_id)
    )
    found = {row.ticket_id: row.views for row in connection.execute(counted)}
    return {ticket_id: found.get(ticket_id, 0) for ticket_id in ticket_ids}


def known_page_views(connection: Connection, uuids: Sequence[str]) -> frozenset[str]:
    """Return which of these page views the outbox has already."""
    known = select(OutboxRow.page_view_uuid).where(OutboxRow.page_view_uuid.in_(uuids))
    return frozenset(str(uuid) for uuid in connection.scalars(known))


def add_page_views(connection: Connection, views: Mapping[tuple[date, str], int]) -> None:
    """Add to the numbers of page views of each `(day, team)`."""
    if views:
        shard = choose_shard(connection)
        # All transactions lock the rows in the same order, so that no two wait for each other.
        rows = [
            {"day": str(day), "team": team, "shard": shard, "views": number}
            for (day, team), number in sorted(views.items())
        ]
        connection.execute(_ADD, rows)


def page_views_by_day(
    connection: Connection, first: date, last: date
) -> list[tuple[date, str, int]]:
    """Return `(day, team, views)` of the days from `first` to `last`, both included, by day and
    team. A team without page views on a day has no row."""
    counted = (
        select(PageViewDayRow.day, PageViewDayRow.team, func.sum(PageViewDayRow.views))
        .where(PageViewDayRow.day >= str(first), PageViewDayRow.day <= str(last))
        .group_by(PageViewDayRow.day, PageViewDayRow.team)
    )
    found = [
        (date.fromisoformat(day), str(team), int(views))
        for day, team, views in connection.execute(counted)
    ]
    return sorted(found)
