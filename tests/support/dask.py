"""A Dask cluster as operators have it: processes of their own, which talk over TCP."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from distributed import Client

from tests.support.command import ROOT, environment

PATIENCE_SECONDS = 60


@dataclass(frozen=True)
class Cluster:
    """A running scheduler's address, and its workers."""

    address: str
    workers: list[subprocess.Popen[bytes]]


@contextmanager
def running_cluster(folder: Path, workers: int = 2, memory: str = "1GB") -> Iterator[Cluster]:
    """A cluster with workers of so much memory, which ends with the block."""
    about = folder / "scheduler.json"
    common = ("--scheduler-file", about, "--no-dashboard", "--port", "0")
    worker = (
        "--nthreads",
        "1",
        "--memory-limit",
        memory,
        "--no-nanny",
        "--local-directory",
        folder,
    )
    with (folder / "log").open("wb") as log:
        processes = [_start("scheduler", *common, log=log)]
        try:
            address = _wait_for_address(about, folder / "log")
            processes += [
                _start("worker", address, "--no-dashboard", *worker, log=log)
                for _ in range(workers)
            ]
            with Client(address, timeout=PATIENCE_SECONDS) as client:
                client.wait_for_workers(workers, timeout=PATIENCE_SECONDS)
            yield Cluster(address, processes[1:])
        finally:
            for process in reversed(processes):
                process.kill()
                process.wait()


def _start(role: str, *options: object, log: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "dask", role, *map(str, options)],
        cwd=ROOT,
        # As Dask's nanny sets it, which is left out so that a worker that is killed stays dead.
        env=environment(MALLOC_TRIM_THRESHOLD_="65536"),
        stdout=log,
        stderr=log,
    )


def _wait_for_address(about: Path, log: Path) -> str:
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < give_up_at:
        if about.exists() and (text := about.read_text()).endswith("}"):
            return str(json.loads(text)["address"])
        time.sleep(0.05)
    raise TimeoutError(log.read_text(errors="replace"))
