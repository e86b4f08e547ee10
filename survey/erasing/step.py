"""What a step of an erasure is: the rows of a table, what changes in them, how it is written."""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from sqlalchemy import Connection
from sqlalchemy.orm import InstrumentedAttribute

from survey.counting_rules import CountingRules
from survey.erasing.target import Kind, Target
from survey.store.database import Database
from survey.store.erasing import (
    Condition,
    Rows,
    find_keys,
    read_rows,
    write_rows,
)

Row = Mapping[str, Any]
Changes = dict[Any, dict[str, Any]]


@dataclass(frozen=True)
class Work:
    """What a step works with: the store, what is to be erased, and the rules of counting."""

    database: Database
    target: Target
    rules: CountingRules


class Step(ABC):
    """A step: the rows of a table, found by `condition`, of which `change` says what changes."""

    # Whether others may be changing these rows; those that they are changing are left for later.
    locks_rows: ClassVar[bool] = False

    def __init__(self, kind: Kind, key: InstrumentedAttribute[Any]) -> None:
        self.kind = kind
        # The column of the table by which its rows are found.
        self.key = key

    @abstractmethod
    def condition(self, connection: Connection, target: Target) -> Condition:
        """Return the condition of the rows that the step is about."""

    @abstractmethod
    def change(self, row: Row, target: Target) -> dict[str, Any] | None:
        """Return the columns of a row that change; None if nothing is to be erased of it."""

    def find(self, connection: Connection, target: Target) -> list[Any]:
        """Return the keys of the rows that may have to change."""
        return find_keys(connection, self.key, self.condition(connection, target))

    def count(self, connection: Connection, keys: Sequence[Any], target: Target) -> int:
        """Return how many of these rows have to change."""
        rows = read_rows(connection, self.key, keys, lock=False)
        return len(self._find_changes(rows, target))

    def erase(self, connection: Connection, keys: Sequence[Any], work: Work) -> Counter[Kind]:
        """Change those of these rows that have to change, in a writing transaction; return how many
        of each kind were changed."""
        self.lock(connection, keys, work)
        rows = read_rows(connection, self.key, keys, lock=self.locks_rows)
        changes = self._find_changes(rows, work.target)
        self.write(connection, rows, changes)
        return Counter({self.kind: len(changes)}) + self.follow(connection, rows, changes, work)

    def lock(self, _connection: Connection, _keys: Sequence[Any], _work: Work) -> None:
        """Keep others from changing these rows. Every erasure keeps others from erasing anyway."""
        return

    def write(self, connection: Connection, _rows: Rows, changes: Changes) -> None:
        """Write the changes."""
        write_rows(connection, self.key, changes)

    def follow(
        self, _connection: Connection, _rows: Rows, _changes: Changes, _work: Work
    ) -> Counter[Kind]:
        """Change what follows from the changes; return how many of each other kind."""
        return Counter()

    def _find_changes(self, rows: Rows, target: Target) -> Changes:
        found = ((key, self.change(row, target)) for key, row in rows.items())
        return {key: changed for key, changed in found if changed is not None}
