"""Killing a `csat` process at one step of its work, as `kill -9` does."""

import importlib
import multiprocessing
import os
import signal
import tempfile
from multiprocessing.reduction import DupFd
from pathlib import Path
from typing import Any, Literal

from tests.support.command import environment, run_forked

When = Literal["before", "after"]

_FORKS = multiprocessing.get_context("forkserver")


def run_killed(place: str, when: When, *arguments: str, **settings: str) -> int | None:
    """Run a command that is killed before or after its first call of `place`, a function or method
    as `module:name`; its exit code."""
    with tempfile.TemporaryFile() as output:
        # Each can be taken once.
        streams = [DupFd(output.fileno()) for _ in range(2)]
        process = _FORKS.Process(
            target=_run, args=(place, when, arguments, environment(**settings), *streams)
        )
        process.start()
        process.join(60)
        code = process.exitcode
        process.kill()
        process.join()
        process.close()
    return code


def _run(
    place: str, when: When, arguments: tuple[str, ...], variables: dict[str, str], *streams: DupFd
) -> None:
    module, _, name = place.partition(":")
    *owners, name = name.split(".")
    owner: Any = importlib.import_module(module)
    for each in owners:
        owner = getattr(owner, each)
    real = getattr(owner, name)

    def die(*given: Any, **named: Any) -> None:
        if when == "after":
            real(*given, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(owner, name, die)
    run_forked(arguments, variables, str(Path.cwd()), 0o022, *streams)
