"""Running `csat` as a person does: a process of its own."""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from multiprocessing.reduction import DupFd
from pathlib import Path

import csat

ROOT = Path(__file__).parents[2]


def environment(**settings: str) -> dict[str, str]:
    """The environment of a `csat` process with these settings and no others."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("CSAT_")}
    return {**inherited, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **settings}


def run_csat(
    *arguments: str,
    timeout: float = 60,
    stdout: str | None = None,
    umask: int = 0o022,
    **settings: str,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, in a process of its own; what it printed and its exit code.

    With `stdout` it prints into that file instead; `umask` is that of the shell.

    The process is forked from one that has imported the modules already, which takes a second
    otherwise. What it gets from outside is what it would get by itself: arguments, settings,
    working folder, standard streams.
    """
    with ExitStack() as stack:
        output, errors = (stack.enter_context(tempfile.TemporaryFile()) for _ in range(2))
        printing = output if stdout is None else stack.enter_context(open(stdout, "wb"))  # noqa: PTH123
        streams = [DupFd(stream.fileno()) for stream in (printing, errors)]
        process = FORKS.Process(
            target=run_forked,
            args=(arguments, environment(**settings), str(Path.cwd()), umask, *streams),
        )
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired(arguments, timeout)
        code = process.exitcode
        process.close()
        printed = []
        for stream in (output, errors):
            stream.seek(0)
            printed.append(stream.read().decode())
    return subprocess.CompletedProcess(arguments, code, *printed)


def run_csat_alone(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """The same in a fresh interpreter, as a shell starts it: for what happens at its start."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "csat", *arguments],
        env=environment(**settings),
        capture_output=True,
        text=True,
        errors="replace",  # some tests ask for another encoding
        timeout=60,
        check=False,
    )


def _commands() -> list[str]:
    """The modules of all commands."""
    return [place.partition(":")[0] for place, _ in csat.COMMANDS.values()]


# What commands import only when they come to it; Hypothesis, where it is installed, for pandera.
_LATER = ("reports.monthly_files", "alembic.command", "hypothesis")

# Processes that are forked from one that has imported the commands.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload([*_commands(), *_LATER])


def run_forked(
    arguments: tuple[str, ...],
    variables: dict[str, str],
    folder: str,
    umask: int,
    *streams: DupFd,
) -> None:
    """In the forked process: become the command."""
    for number, stream in enumerate(streams, start=1):
        os.dup2(stream.detach(), number)
    os.environ.clear()
    os.environ.update(variables)
    os.chdir(folder)
    os.umask(umask)
    encoding = os.environ.get("PYTHONIOENCODING") or "utf-8"
    sys.stdout = open(1, "w", encoding=encoding, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding=encoding, errors="backslashreplace", closefd=False)  # noqa: SIM115
    sys.argv = ["csat", *arguments]
    csat.main()
