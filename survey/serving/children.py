"""Starting child processes that die with their parent, however the parent dies, even by kill −9.

The parent holds the writing end of a pipe and never writes. When the parent dies, the kernel
closes that end, and every reader of the other end knows at once. This needs no polling and no
special system call. A busy or blocked child dies as well, because a separate thread waits.
"""

import os
import signal
import subprocess
import sys
import threading

_READ_END_VARIABLE = "_CSAT_PARENT_PIPE"


class ChildStarter:
    """Starts children that die with this process. One ChildStarter is enough for all children."""

    def __init__(self) -> None:
        # No child inherits an end by default: a child that held the writing end would keep the
        # other children alive.
        self._read_end, self._write_end = os.pipe()

    def spawn(
        self, command: list[str], *, pass_fds: tuple[int, ...] = (), **options: object
    ) -> "subprocess.Popen[bytes]":
        """Start a child that calls `die_with_parent` and so dies with this process."""
        environment = {**os.environ, **(options.pop("env", None) or {})}  # type: ignore[dict-item]
        environment[_READ_END_VARIABLE] = str(self._read_end)
        return subprocess.Popen(  # type: ignore[call-overload,no-any-return]
            command,
            env=environment,
            pass_fds=(self._read_end, *pass_fds),
            stdin=subprocess.DEVNULL,
            **options,
        )


def die_with_parent() -> None:
    """Make this child process end when its parent has died.

    Do nothing in a process that no `ChildStarter` started.
    """
    read_end = os.environ.pop(_READ_END_VARIABLE, None)
    if read_end is None:
        return
    end = int(read_end)
    os.set_inheritable(end, False)
    threading.Thread(target=_wait_for_parent, args=(end,), daemon=True, name="parent").start()


def _wait_for_parent(read_end: int) -> None:
    os.read(read_end, 1)  # returns only when the writing end is closed
    os.kill(os.getpid(), signal.SIGKILL)


def python_module(module: str, *arguments: str) -> list[str]:
    """Return the command that runs one of our modules with the same Python, from any folder. With
    -P, Python does not import files of the current folder as modules."""
    return [sys.executable, "-P", "-m", module, *arguments]
