"""The answers of a month, each with the state of its event for PostHog."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, join, select

from survey.store.models import AnswerRow, ErasureRow, Origin, OutboxRow

_ANSWER_WITH_EVENT = select(
    AnswerRow.uuid,
    AnswerRow.ticket_id,
    AnswerRow.answered_at,
    AnswerRow.source,
    OutboxRow.id.label("outbox_id"),
    OutboxRow.delivered_at,
    OutboxRow.dead_at,
    OutboxRow.last_reason.label("reason"),
    ErasureRow.pseudonym,
).select_from(
    join(AnswerRow, OutboxRow, OutboxRow.answer_uuid == AnswerRow.uuid, isouter=True).join(
        ErasureRow, ErasureRow.pseudonym == AnswerRow.distinct_id, isouter=True
    )
)


@dataclass(frozen=True)
class SentAnswer:
    """An answer and the state of its event.

    `is_enqueued` says whether the outbox has a row for the answer. A row without `delivered_at`
    and `dead_at` waits; `reason` says why an event is a dead letter. `is_of_erased` says whether
    the person was erased, whose events PostHog is asked to delete.
    """

    uuid: str
    ticket_id: str | None
    answered_at: datetime
    source: Origin
    is_enqueued: bool = False
    delivered_at: datetime | None = None
    dead_at: datetime | None = None
    reason: str | None = None
    is_of_erased: bool = False

    @property
    def is_waiting(self) -> bool:
        """Whether the event still waits to be sent."""
        return self.is_enqueued and self.delivered_at is None and self.dead_at is None


def answers_between(
    connection: Connection, opens_at: datetime, closes_at: datetime
) -> list[SentAnswer]:
    """Return all answers given in `[opens_at, closes_at)`, from every source, in the order of
    time."""
    answered = AnswerRow.answered_at
    rows = connection.execute(
        _ANSWER_WITH_EVENT.where(answered >= opens_at, answered < closes_at).order_by(
            answered, AnswerRow.uuid
        )
    )
    return [
        SentAnswer(
            uuid=row.uuid,
            ticket_id=row.ticket_id,
            answered_at=row.answered_at,
            source=Origin(row.source),
            is_enqueued=row.outbox_id is not None,
            delivered_at=row.delivered_at,
            dead_at=row.dead_at,
            reason=row.reason,
            is_of_erased=row.pseudonym is not None,
        )
        for row in rows
    ]
