"""Work on the donation ledger in processes of their own, forked from one that waits for it."""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any

from sqlalchemy import event

from survey.months import Month
from survey.store.database import Database
from tests.support.command import FORKS
from tests.support.donations import Donations

# Longer than anything here takes on a busy machine.
_SECONDS = 60
# What a process ends with that found the month closed.
_NOTHING_NEW = 3


def ends_if_killed_before(
    step: int, donations: Donations, call: str, *arguments: Any, **named: Any
) -> bool:
    """Call this of `Donations` in a process that is killed by kill -9 before its statement of this
    number, or the commit that comes then; return whether it came to its end before."""
    process = _start(_work_until, donations, step, call, arguments, named)
    code = _wait_for(process)
    assert code in (0, -signal.SIGKILL), f"{call} failed with exit code {code}"
    return code == 0


def close_at_once(donations: Donations, month: Month, processes: int) -> list[bool]:
    """Close a month in several processes at the same time; return for each whether it did."""
    ready = FORKS.Barrier(processes)
    started = [_start(_close, donations, month, ready) for _ in range(processes)]
    codes = [_wait_for(process) for process in started]
    assert set(codes) <= {0, _NOTHING_NEW}, f"a close failed: {codes}"
    return [code == 0 for code in codes]


@contextmanager
def answering(
    donations: Donations, months: Sequence[Month], rounds: int, processes: int
) -> Iterator[None]:
    """Let customers answer in these months, from several processes, in so many rounds; at the end
    of the block wait until all have."""
    ready = FORKS.Barrier(processes + 1)
    started = [
        _start(_answer, donations, months, rounds, f"P{number}", ready)
        for number in range(processes)
    ]
    ready.wait(_SECONDS)
    yield
    assert [_wait_for(process) for process in started] == [0] * processes


def _start(work: Callable[..., None], donations: Donations, *arguments: Any) -> Any:
    process = FORKS.Process(
        target=_work, args=(work, donations.settings, donations.now, *arguments)
    )
    process.start()
    return process


def _wait_for(process: Any) -> int:
    process.join(_SECONDS)
    if process.exitcode is None:
        process.kill()
        process.join()
    code: int = process.exitcode
    process.close()
    return code


def _work(work: Callable[..., None], settings: Any, now: Any, *arguments: Any) -> None:
    """In the forked process."""
    donations = Donations(Database(settings.database_url), settings, now)
    work(donations, *arguments)


def _work_until(
    donations: Donations, step: int, call: str, arguments: Sequence[Any], named: dict[str, Any]
) -> None:
    steps = count(1)

    def pass_by(*_: Any) -> None:
        if next(steps) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    for name in ("before_cursor_execute", "commit"):
        event.listen(donations.database.engine, name, pass_by)
    getattr(donations, call)(*arguments, **named)


def _close(donations: Donations, month: Month, ready: Any) -> None:
    ready.wait(_SECONDS)
    sys.exit(0 if donations.close(month).is_new else _NOTHING_NEW)


def _answer(
    donations: Donations, months: Sequence[Month], rounds: int, prefix: str, ready: Any
) -> None:
    ready.wait(_SECONDS)
    for number in range(rounds):
        for month in months:
            donations.respond(month, 1, prefix=f"{prefix}-{number}")
