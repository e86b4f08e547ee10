"""The demo's child processes: the site, which keeps running, and the reports, which end."""

import os
import random
import socket
import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException

from demo.folder import DemoFolder
from survey.errors import CsatError
from survey.months import Month
from survey.private_files import open_private
from survey.serving.children import ChildStarter, python_module

READY_SECONDS = 30.0
# This is longer than the time that the site gives its own children to finish.
STOP_SECONDS = 25.0
# Linux takes the ports of outgoing connections from 32768 on, other systems from 49152 on.
_SERVER_PORTS = range(20_000, 32_768)
# How many lines of a child's output an error shows.
_LAST_LINES = 12

Process = subprocess.Popen[bytes]


def free_port() -> int:
    """Return a port on which nobody listens now, for a server that starts a little later.

    The port lies below those from which systems choose for outgoing connections. Otherwise a
    connection of any other process could take the port before the server listens.
    """
    while True:
        port = random.choice(_SERVER_PORTS)  # nosec B311 # a port is no secret
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


def write_reports(
    folder: DemoFolder, months: Iterable[Month], environment: Mapping[str, str]
) -> dict[Month, str | None]:
    """Write the months' reports into the folder, all at once. Return each one's error or None."""
    running = {month: _start_report(folder, month, environment) for month in months}
    try:
        return {month: _problem_of(process) for month, process in running.items()}
    finally:
        for process in running.values():
            if process.poll() is None:
                process.kill()
                process.communicate()


def run_tick(folder: DemoFolder, environment: Mapping[str, str]) -> str:
    """Let the survey do what is due now, as it does once a minute; return what it said."""
    done = subprocess.run(
        python_module("csat", "tick"),
        cwd=folder.path,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    return _last_lines((done.stdout + done.stderr).decode(errors="replace"))


def _start_report(folder: DemoFolder, month: Month, environment: Mapping[str, str]) -> Process:
    out = folder.report / str(month)
    return subprocess.Popen(
        python_module("csat", "report", "--month", str(month), "--out", str(out)),
        cwd=folder.path,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def _problem_of(process: Process) -> str | None:
    _, output = process.communicate()
    return None if process.returncode == 0 else _last_lines(output.decode(errors="replace"))


@contextmanager
def running_site(
    folder: DemoFolder, port: int, environment: Mapping[str, str]
) -> Iterator[Process]:
    """Run the site and its delivery, ready to answer. Stop the site and all its children at the
    end.

    Raise CsatError with the site's output if the site does not get ready.
    """
    starter = ChildStarter()
    site = _start_site(starter, folder, port, environment)
    try:
        _wait_until_ready(site, folder, port)
        yield site
    finally:
        _stop(site)


def _start_site(
    starter: ChildStarter, folder: DemoFolder, port: int, environment: Mapping[str, str]
) -> Process:
    with open_private(folder.log) as log:
        return starter.spawn(
            python_module("csat", "serve", "--port", str(port)),
            cwd=folder.path,
            env=dict(environment),
            stdout=log,
            stderr=subprocess.STDOUT,
            # Only the demo gets Ctrl-C. The demo then stops the site in an orderly way.
            start_new_session=True,
        )


def watch_site(site: Process, folder: DemoFolder) -> None:
    """Wait until the site ends, then raise CsatError with its last output. Never return."""
    while site.poll() is None:
        time.sleep(0.3)
    raise CsatError(
        f"the site ended by itself, with code {site.returncode}. {_describe_output(folder)}"
    )


def _wait_until_ready(site: Process, folder: DemoFolder, port: int) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline:
        if site.poll() is not None:
            raise CsatError(f"the site did not start. {_describe_output(folder)}")
        if _is_ready(port):
            return
        time.sleep(0.1)
    raise CsatError(
        f"the site was not ready within {READY_SECONDS:.0f} s. {_describe_output(folder)}"
    )


def _is_ready(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _stop(site: Process) -> None:
    if site.poll() is None:
        site.terminate()
    try:
        site.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        site.kill()
        site.wait()


def _describe_output(folder: DemoFolder) -> str:
    output = folder.log.read_text(encoding="utf-8", errors="replace")
    return f"Its output:\n{_last_lines(output)}" if output.strip() else "It printed nothing."


def _last_lines(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-_LAST_LINES:])
