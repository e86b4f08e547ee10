"""Erases the events in the outbox, and what receivers said of what they refused."""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from survey.erasing.events import erase_event
from survey.erasing.stand_in import find_stand_in
from survey.erasing.step import Row, Step
from survey.erasing.target import Kind, Target
from survey.erasures import USER_KEY
from survey.outbox_payloads import pack_event, unpack_event
from survey.rules import Answer
from survey.store.erasing import Condition, Texts, concerns_events, concerns_refusals
from survey.store.models import (
    OutboxRow,
)


class EventsStep(Step):
    """The events in the outbox, waiting, delivered or refused."""

    locks_rows = True

    def __init__(self, kind: Kind, origin: Texts) -> None:
        super().__init__(kind, OutboxRow.id)
        self._origin = origin

    def condition(self, connection: Connection, target: Target) -> Condition:
        """Return the condition of the events."""
        return concerns_events(connection, self._origin, target)

    def change(self, row: Row, target: Target) -> dict[str, Any] | None:
        """Return the payload without identity, or without words alone."""
        event = unpack_event(row["payload"])
        properties, at = event["properties"], datetime.fromisoformat(event["timestamp"])
        person, user = event["distinct_id"], properties.get(USER_KEY)
        ticket_id = properties["ticketId"]
        answer = Answer(event["uuid"], ticket_id, target.resolve(person), None, None, "", at)
        if not target.erasures.hides_words(answer, target.resolve(user) if user else None):
            return None
        pseudonym = find_stand_in(person, ticket_id, at, target)
        erased = erase_event(event, pseudonym, target.proof_secret)
        return None if erased == event else {"payload": pack_event(erased)}


class RefusalsStep(Step):
    """The words of receivers that refused something: they may repeat it."""

    locks_rows = True

    def __init__(self) -> None:
        super().__init__(Kind.REFUSALS, OutboxRow.id)

    def condition(self, connection: Connection, target: Target) -> Condition:
        """Return the condition of the rows that were refused."""
        return concerns_refusals(connection, target)

    def change(self, _row: Row, _target: Target) -> dict[str, Any]:
        """Return no words; our own reason stays."""
        return {"error_message": None}
