"""The waits for replies of a report, from the store."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from sqlalchemy import Connection

from pipeline.metrics import row_name
from pipeline.query import ReportQuery
from pipeline.schemas import ANSWERED_WAITS, WAITS, check
from pipeline.targets import Waits
from survey.counting_rules import CountingRules, tester_ids
from survey.settings import Settings
from survey.store.counting import ResponsesOutdated, require_current_responses
from survey.store.targets import (
    Waited,
    WaitedBeforeAnswer,
    has_tickets,
    list_waits,
    list_waits_of_responses,
)
from survey.vocabulary import ReplyKind


def read_waits(
    connection: Connection, query: ReportQuery, settings: Settings, *, with_responses: bool
) -> Waits | None:
    """Return the waits of a report; None as long as no ticket is known.

    Of the filters, waits know only that for teams. With responses, those of the tickets are there
    to be compared: as all filters let them through, but none where ratings are left out, or while
    the responses are derived by other rules.
    """
    if not has_tickets(connection):
        return None
    bounds = query.period.bounds(settings.timezone)
    waits = frame_waits(list_waits(connection, *bounds, tester_ids(settings), query.teams))
    if not with_responses or query.ratings:
        return Waits(waits, None)
    try:
        require_current_responses(connection, CountingRules.of(settings))
    except ResponsesOutdated:
        return Waits(waits, None)
    answered = [
        each
        for each in list_waits_of_responses(connection, *bounds)
        if query.includes(each.team, each.rating, each.link_trust, each.language)
    ]
    return Waits(waits, frame_answered(answered))


def frame_waits(rows: Sequence[Waited]) -> pd.DataFrame:
    """Return waits as a frame (`schemas.WAITS`)."""
    return _frame(
        {
            "team": [row_name(each.team) for each in rows],
            "plan": [each.plan for each in rows],
            "severity": [each.severity or "" for each in rows],
            "kind": [_kind_of(each).value for each in rows],
            "activated_at": [each.activated_at for each in rows],
            "replied_at": [each.replied_at for each in rows],
        },
        WAITS,
    )


def frame_answered(rows: Sequence[WaitedBeforeAnswer]) -> pd.DataFrame:
    """Return the waits of responses as a frame (`schemas.ANSWERED_WAITS`)."""
    return _frame(
        {name: [getattr(each, name) for each in rows] for name in ANSWERED_WAITS.columns},
        ANSWERED_WAITS,
    )


def _kind_of(wait: Waited) -> ReplyKind:
    if wait.escalated_at is not None and wait.activated_at >= wait.escalated_at:
        return ReplyKind.ESCALATED
    return ReplyKind.FIRST if wait.instance == 1 else ReplyKind.NEXT


def _frame(columns: dict[str, list[Any]], schema: Any) -> pd.DataFrame:
    types = {name: column.dtype.type for name, column in schema.columns.items()}
    return check(pd.DataFrame(columns, dtype="object").astype(types), schema)
