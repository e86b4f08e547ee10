"""Group commit: what several threads bring at the same time is committed together."""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import sleep
from typing import Generic, TypeVar

from survey.store.errors import RefusedData, StoreError

Item = TypeVar("Item")
Result = TypeVar("Result")

# A transaction stays short, however many wait.
MAX_GROUP = 64
# How long a group waits for more, as long as more come: a fraction of what a commit takes.
GATHER_SECONDS = 0.0005


@dataclass
class _Entry(Generic[Item, Result]):
    """What one thread brought, and what came of it. `woken` says that it is done, or leads."""

    item: Item
    woken: threading.Event = field(default_factory=threading.Event)
    results: list[Result] = field(default_factory=list)
    error: Exception | None = None

    @property
    def is_done(self) -> bool:
        return bool(self.results) or self.error is not None


class GroupCommit(Generic[Item, Result]):
    """Hands items to `commit` in groups; a caller goes on when the group with its item has been
    committed.

    A durable commit costs nearly the same for one item and for thirty. Of the threads that wait
    one leads: it commits for all, then lets the next one lead that came meanwhile. So there is no
    thread of its own, and one group at a time.
    """

    def __init__(self, commit: Callable[[Sequence[Item]], Sequence[Result]]) -> None:
        self._commit = commit
        self._lock = threading.Lock()
        self._waiting: deque[_Entry[Item, Result]] = deque()
        self._has_leader = False

    def submit(self, item: Item) -> Result:
        """The result for this item, once it is committed; raises what committing it raised."""
        entry: _Entry[Item, Result] = _Entry(item)
        with self._lock:
            self._waiting.append(entry)
            leads, self._has_leader = not self._has_leader, True
        if not leads:
            entry.woken.wait()
        if not entry.is_done:
            try:
                self._lead()
            finally:
                self._hand_over()
        if entry.error is not None:
            raise entry.error
        return entry.results[0]

    def _lead(self) -> None:
        """Commit those that wait now, the leader first among them."""
        self._gather()
        group = [self._waiting.popleft() for _ in range(min(len(self._waiting), MAX_GROUP))]
        try:
            self._commit_group(group)
        finally:
            for entry in group:
                if not entry.is_done:  # this thread is being ended
                    entry.error = StoreError("the commit was interrupted")
                entry.woken.set()

    def _gather(self) -> None:
        """Wait for those who are on their way, while they keep coming."""
        seen = 0
        while seen < len(self._waiting) < MAX_GROUP:
            seen = len(self._waiting)
            sleep(GATHER_SECONDS)

    def _hand_over(self) -> None:
        with self._lock:
            self._has_leader = bool(self._waiting)
            if self._waiting:
                self._waiting[0].woken.set()

    def _commit_group(self, group: Sequence[_Entry[Item, Result]]) -> None:
        try:
            results = self._commit([entry.item for entry in group])
        except Exception as error:
            if len(group) == 1 or _concerns_all(error):
                for entry in group:
                    entry.error = error
                return
            # Something is wrong with one of them, for which the others must not pay.
            for entry in group:
                self._commit_group([entry])
        else:
            for entry, result in zip(group, results, strict=True):
                entry.results = [result]


def _concerns_all(error: Exception) -> bool:
    """Whether the database is at fault, and not what one of them brought."""
    return isinstance(error, StoreError) and not isinstance(error, RefusedData)
