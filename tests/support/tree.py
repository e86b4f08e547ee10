"""The process tree of `csat serve`, which a test kills, in part or whole, and starts again."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from uuid import uuid4

from demo.processes import free_port
from survey.prometheus import FOLDER_VARIABLE
from tests.support.command import environment
from tests.support.settings import FOR_A_CROWD, SECRET_KEY
from tests.support.site import answers, is_alive, wait_until

# How long children may outlive a supervisor that was killed.
ORPHAN_SECONDS = 5.0
# Inherited by all that a site starts, so that its orphans are found as well.
_MARK = "TESTS_SITE_TREE"


class SiteTree:
    """A site on one port, with all its processes, started as often as a test likes."""

    def __init__(
        self,
        folder: Path,
        database_url: str,
        posthog_url: str,
        *arguments: str,
        reports: bool = False,
        **settings: str,
    ) -> None:
        self.port = free_port()
        self.log = folder / f"serve-{self.port}.log"
        self._mark = uuid4().hex
        self._command = [sys.executable, "-P", "-m", "csat", "serve", "--port", str(self.port)]
        self._command += [*([] if reports else ["--no-reports"]), *arguments]
        given = {
            "CSAT_SECRET_KEY": SECRET_KEY,
            "CSAT_DATABASE_URL": database_url,
            "CSAT_BASE_URL": f"http://127.0.0.1:{self.port}",
            "CSAT_POSTHOG_HOST": posthog_url,
            "CSAT_POSTHOG_KEY": "phc_test",
            **FOR_A_CROWD,
            **settings,
        }
        self._environment = environment(**given, **{_MARK: self._mark})
        self._supervisor: subprocess.Popen[bytes] | None = None
        self._metrics_folders: set[str] = set()

    def __enter__(self) -> "SiteTree":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.stop()
        finally:
            self.kill(*self.processes())
            # Whoever is killed leaves its folder behind.
            for folder in self._metrics_folders:
                shutil.rmtree(folder, ignore_errors=True)

    @property
    def supervisor(self) -> int:
        """The process that started all others."""
        assert self._supervisor is not None
        return self._supervisor.pid

    def start(self) -> None:
        """Start the site and wait until it takes answers."""
        with self.log.open("ab") as log:
            process = subprocess.Popen(self._command, env=self._environment, stdout=log, stderr=log)
        self._supervisor = process
        ready = f"http://127.0.0.1:{self.port}/readyz"
        wait_until(lambda: process.poll() is not None or answers(ready), seconds=60)
        assert process.poll() is None, self.log.read_text()

    def use_release(self, folder: Path) -> None:
        """Start the program that stands in this folder, from the next start on."""
        self._environment["PYTHONPATH"] = str(folder)

    def begin_to_stop(self) -> None:
        """Tell it to stop in good order."""
        assert self._supervisor is not None
        self._supervisor.terminate()

    def stop(self) -> None:
        """Stop it in good order, if it runs."""
        if self._supervisor is not None and self._supervisor.poll() is None:
            self._supervisor.terminate()
        self.wait_until_stopped()

    def wait_until_stopped(self) -> None:
        """Wait for its end, after it was told to stop."""
        assert self._supervisor is not None
        assert self._supervisor.wait(60) == 0

    def kill(self, *pids: int) -> None:
        """End processes at once, and with them what they were doing."""
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue  # it went with its parent
        if self._supervisor is not None and self._supervisor.pid in pids:
            self._supervisor.wait(10)

    def wait_until_gone(self) -> None:
        """After its supervisor was killed: wait for the death of all that it started."""
        wait_until(lambda: not self.processes(), ORPHAN_SECONDS)
        # A process between two programs shows no environment for a moment.
        time.sleep(0.05)
        wait_until(lambda: not self.processes(), ORPHAN_SECONDS)

    def site_workers(self) -> list[int]:
        """The processes that answer requests."""
        return [pid for pid in self.processes() if "wsgi" in _arguments(pid)]

    def deliveries(self) -> list[int]:
        """The process that sends to PostHog."""
        return [pid for pid in self.processes() if "deliver" in _arguments(pid)]

    def processes(self) -> list[int]:
        """All processes of the tree, also those that lost their parent."""
        pids = (int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit())
        return sorted(pid for pid in pids if self._is_ours(pid) and is_alive(pid))

    def _is_ours(self, pid: int) -> bool:
        variables = _read(pid, "environ")
        if f"{_MARK}={self._mark}" not in variables:
            return False
        prefix = f"{FOLDER_VARIABLE}="
        found = (each.removeprefix(prefix) for each in variables if each.startswith(prefix))
        self._metrics_folders.update(found)
        return True


def _arguments(pid: int) -> list[str]:
    return _read(pid, "cmdline")


def _read(pid: int, what: str) -> list[str]:
    try:
        return Path(f"/proc/{pid}/{what}").read_text(errors="replace").split("\0")
    except (OSError, ProcessLookupError):
        return []  # it is gone, or somebody else's
