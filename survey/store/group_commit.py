"""Group commit: the items of several simultaneous requests are committed together."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from time import monotonic, sleep
from typing import Generic, TypeVar

import structlog

from survey.errors import CsatError
from survey.store.errors import RefusedData, StoreError

Item = TypeVar("Item")
Result = TypeVar("Result")

# The limit keeps a transaction short, however many items wait.
MAX_GROUP = 64
# How long a group waits for more items, again and again while more come. A commit takes longer.
GATHER_SECONDS = 0.0005
# An item that has waited for longer is not committed: the transaction would end too late.
MAX_WAIT_SECONDS = 3.0
# The thread ends when no item came for this long.
IDLE_SECONDS = 10.0

log = structlog.get_logger()


@dataclass(frozen=True)
class _Entry(Generic[Item, Result]):
    """An item that waits, and the future for its result."""

    item: Item
    future: "Future[Result]" = field(default_factory=Future)
    came_at: float = field(default_factory=monotonic)


class GroupCommit(Generic[Item, Result]):
    """Hands items to `commit` in groups, in a thread of its own. It returns for each item a result,
    or the error that concerns this item alone.

    A durable commit takes nearly the same time for one item and for thirty. The caller gets a
    future and need not wait. Callbacks of the future run in the thread that commits, before its
    next commit, so they must be short. Where nobody is in a hurry, longer `gather_seconds` make
    fewer commits, and leave the disk to others.
    """

    def __init__(
        self,
        commit: "Callable[[Sequence[Item]], Sequence[Result | CsatError]]",
        gather_seconds: float = GATHER_SECONDS,
    ) -> None:
        self._commit = commit
        self._gather_seconds = gather_seconds
        self._waiting: SimpleQueue[_Entry[Item, Result]] = SimpleQueue()
        self._lock = threading.Lock()
        self._is_running = False

    def submit(self, item: Item) -> "Future[Result]":
        """Return a future for the result of this item, or for its error, or that of the commit."""
        entry: _Entry[Item, Result] = _Entry(item)
        self._waiting.put(entry)
        with self._lock:
            starts, self._is_running = not self._is_running, True
        if starts:
            threading.Thread(target=self._run, name="group-commit", daemon=True).start()
        return entry.future

    def _run(self) -> None:
        while True:
            try:
                first = self._waiting.get(timeout=IDLE_SECONDS)
            except Empty:
                with self._lock:
                    if self._waiting.empty():
                        self._is_running = False
                        return
                continue
            self._commit_group(self._gather(first))

    def _gather(self, first: _Entry[Item, Result]) -> list[_Entry[Item, Result]]:
        """Return the first entry and those that came meanwhile; wait while more keep coming."""
        group: list[_Entry[Item, Result]] = [first]
        while len(group) < MAX_GROUP:
            before = len(group)
            while len(group) < MAX_GROUP and not self._waiting.empty():
                group.append(self._waiting.get())
            if len(group) == before:
                break
            sleep(self._gather_seconds)
        return group

    def _commit_group(self, group: Sequence[_Entry[Item, Result]]) -> None:
        late = [entry for entry in group if monotonic() - entry.came_at > MAX_WAIT_SECONDS]
        for entry in late:
            _fail(entry, StoreError("too many wait for the database"))
        group = [entry for entry in group if entry not in late]
        if not group:
            return
        try:
            results = self._commit([entry.item for entry in group])
        except Exception as error:
            if len(group) == 1 or _concerns_all(error):
                for entry in group:
                    _fail(entry, error)
                return
            # Something is wrong with one of the items; the others must not fail because of it.
            for entry in group:
                self._commit_group([entry])
        else:
            for entry, result in zip(group, results, strict=True):
                if isinstance(result, CsatError):
                    _fail(entry, result)
                else:
                    entry.future.set_result(result)


def _fail(entry: _Entry[Item, Result], error: Exception) -> None:
    entry.future.set_exception(error)


def _concerns_all(error: Exception) -> bool:
    """Return whether the cause is the database, and not the data of one item."""
    return isinstance(error, StoreError) and not isinstance(error, RefusedData)
