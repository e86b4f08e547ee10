"""Functions that find page views in the outbox: which are there, and how many came recently."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, func, select

from survey.store.models import OutboxRow

_IS_PAGE_VIEW = OutboxRow.page_view_uuid.is_not(None)


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
