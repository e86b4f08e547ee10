"""A real site: `csat serve` as a process, on a free port, with everything it starts."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import requests

from demo.processes import free_port
from tests.support.command import environment
from tests.support.settings import FOR_A_CROWD, SECRET_KEY


@dataclass
class Site:
    """A running site. `process` is its supervisor."""

    url: str
    process: "subprocess.Popen[bytes]"

    def children(self) -> list[int]:
        """The processes that the supervisor started."""
        return children_of(self.process.pid)


def wait_until(condition, seconds: float = 20) -> None:  # type: ignore[no-untyped-def]
    """Wait for something to become true; fail clearly if it does not."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "this did not happen in time"
        time.sleep(0.05)


def answers(url: str) -> bool:
    """Whether a server answers there."""
    try:
        return requests.get(url, timeout=5).ok
    except requests.RequestException:
        return False


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that died and waits for its parent to notice does not."""
    return _state(pid)[:1] not in ([], ["Z"])


def children_of(parent: int) -> list[int]:
    """The processes that a process has started."""
    pids = (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())
    return sorted(pid for pid in pids if _state(pid)[1:2] == [str(parent)])


def _state(pid: int) -> list[str]:
    """What the kernel says of a process: its state, its parent, …; nothing if it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


@contextmanager
def running_site(
    folder: Path, *arguments: str, reports: bool = False, tick: bool = False, **settings: str
) -> Iterator[Site]:
    """`csat serve` on a database in `folder`, ready to take answers. With `reports`, the reports
    site, too, which takes seconds of the processor to start; with `tick`, what runs once a
    minute."""
    port = free_port()
    if not reports:
        arguments = (*arguments, "--no-reports")
    if not tick:
        arguments = (*arguments, "--no-tick")
    given = {
        "CSAT_SECRET_KEY": SECRET_KEY,
        "CSAT_DATABASE_URL": f"sqlite:///{folder}/csat.db",
        "CSAT_BASE_URL": f"http://127.0.0.1:{port}",
        **FOR_A_CROWD,
        **settings,
    }
    with (folder / "serve.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "csat", "serve", "--port", str(port), *arguments],
            env=environment(**given),
            stdout=log,
            stderr=log,
        )
    site = Site(f"http://127.0.0.1:{port}", process)
    try:
        wait_until(lambda: process.poll() is not None or answers(f"{site.url}/readyz"))
        assert process.poll() is None, (folder / "serve.log").read_text()
        yield site
    finally:
        if process.poll() is None:
            os.kill(process.pid, signal.SIGTERM)
        process.wait(30)
