"""Erases reasons, and the names of persons in what users wrote."""

from typing import Any

from sqlalchemy import Connection
from sqlalchemy.orm import InstrumentedAttribute

from survey.erasing.step import Row, Step
from survey.erasing.target import Kind, Target
from survey.erasing.words import ERASED, hide_person, names_person
from survey.store.erasing import (
    Condition,
    concerns_reasons,
    concerns_texts,
)
from survey.store.models import (
    VoidChangeRow,
    VoidRow,
)


class ReasonsStep(Step):
    """The reasons why tickets were made void, or count again."""

    def __init__(self, table: type[VoidRow] | type[VoidChangeRow]) -> None:
        super().__init__(Kind.REASONS, VoidRow.ticket_id if table is VoidRow else VoidChangeRow.id)
        self._table = table

    def condition(self, connection: Connection, target: Target) -> Condition:
        """Return the condition of the reasons."""
        return concerns_reasons(self._table, target)

    def change(self, row: Row, target: Target) -> dict[str, Any] | None:
        """Return no reason."""
        at = row["voided_at"] if self._table is VoidRow else row["changed_at"]
        return {"reason": ERASED} if target.covers(at) else None


class TextsStep(Step):
    """What users wrote, or did, with the name of a person in it."""

    def __init__(
        self, kind: Kind, key: InstrumentedAttribute[Any], texts: InstrumentedAttribute[str]
    ) -> None:
        super().__init__(kind, key)
        self._texts = texts

    def condition(self, connection: Connection, target: Target) -> Condition:
        """Return the condition of the texts."""
        return concerns_texts(connection, self._texts, target)

    def change(self, row: Row, target: Target) -> dict[str, Any] | None:
        """Return the text without the name."""
        text = row[self._texts.key]
        if target.person is None or not names_person(text, target.person.distinct_id):
            return None
        return {self._texts.key: hide_person(text, target.person.distinct_id)}
