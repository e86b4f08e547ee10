"""Tickets of the help desk, and their customers' waits for replies, in a store or as frames."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd

from pipeline.sources.store_waits import frame_waits
from pipeline.targets import TargetNumbers, Waits, number_targets
from survey.settings import Settings
from survey.store.database import Database
from survey.store.targets import Waited
from survey.store.tickets import ReplyInterval, save_intervals, save_updates
from survey.vocabulary import TicketStatus
from survey.zendesk.tickets import TicketUpdate
from tests.support.settings import make_settings

# A Wednesday of October 2026.
WEDNESDAY = datetime(2026, 10, 14, 9, tzinfo=UTC)


def waited(hours: float | None, **changes: Any) -> Waited:
    """A wait since Wednesday, so many hours until the reply; None while it lasts."""
    given = {
        "team": "surveys",
        "plan": "scale",
        "severity": None,
        "escalated_at": None,
        "instance": 1,
        "activated_at": WEDNESDAY,
    } | changes
    replied_at = None if hours is None else given["activated_at"] + timedelta(hours=hours)
    return Waited(**given, replied_at=replied_at)


def number_waits(
    *waits: Waited, answered: pd.DataFrame | None = None, as_of: datetime, **settings: Any
) -> TargetNumbers:
    """The numbers of waits, by the targets of the support handbook."""
    given = make_settings(**settings)
    return number_targets(Waits(frame_waits(waits), answered), given.targets, given.timezone, as_of)


def keep_ticket(
    database: Database,
    settings: Settings,
    ticket_id: str,
    *intervals: tuple[datetime, datetime | None],
    now: datetime = WEDNESDAY,
    **changes: Any,
) -> None:
    """Keep a ticket of the help desk, and its waits: from when, and until when."""
    given = {
        "status": TicketStatus.OPEN,
        "updated_at": now,
        "team": "surveys",
        "priority": "high",
    } | changes
    with database.writing() as connection:
        update = TicketUpdate(ticket_id=ticket_id, **given)
        save_updates(database, connection, [update], settings, now)
    keep_waits(database, ticket_id, intervals)


def keep_waits(
    database: Database, ticket_id: str, intervals: Sequence[tuple[datetime, datetime | None]]
) -> None:
    """Keep the waits of a ticket: from when, and until when."""
    with database.writing() as connection:
        save_intervals(
            connection,
            [
                ReplyInterval(ticket_id, place, begin, reply)
                for place, (begin, reply) in enumerate(intervals, start=1)
            ],
        )
