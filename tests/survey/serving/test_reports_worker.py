"""The reports worker of `csat serve`: apart from the survey, and started anew when it dies."""

import os
import signal
import stat
import tempfile
from pathlib import Path

import pytest
import requests

from tests.support.pages import LINK
from tests.support.site import answers, is_alive, running_site, wait_until


@pytest.fixture
def temporary_folder():
    """Where the site makes temporary files: it leaves some behind when it is killed."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def test_reports_have_a_process_of_their_own_that_comes_back(tmp_path, temporary_folder):
    places = {"TMPDIR": str(temporary_folder)}
    with running_site(tmp_path, "--workers", "2", reports=True, **places) as site:

        def ask():
            return requests.get(f"{site.url}/reports/", allow_redirects=False, timeout=40)

        assert ask().status_code == 303  # to the sign-in
        (worker,) = reports_workers(site)
        survey = [pid for pid in site.children() if pid != worker]
        assert len(survey) == 2
        (folder,) = temporary_folder.glob("csat-reports-*")
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        os.kill(worker, signal.SIGKILL)
        assert answers(f"{site.url}/readyz")
        assert requests.get(site.url, params=LINK, timeout=5).status_code == 200
        # Whoever asks meanwhile waits for the next worker, which listens on the same socket.
        wait_until(lambda: not is_alive(worker))
        assert ask().status_code == 303
        assert reports_workers(site) not in ([], [worker])
        assert not [pid for pid in survey if loaded_libraries(pid) & {"numpy", "pandas"}]
        os.kill(site.process.pid, signal.SIGKILL)
        wait_until(lambda: not any(map(is_alive, survey)), seconds=5)
        wait_until(lambda: reports_workers(site) == [], seconds=5)


def test_without_reports_there_is_nothing_at_their_address(tmp_path):
    with running_site(tmp_path) as site:
        assert len(site.children()) == 1
        assert requests.get(f"{site.url}/reports/", timeout=5).status_code == 404


def reports_workers(site):
    return [pid for pid in site.children() if "--reports" in arguments(pid)]


def arguments(pid):
    return Path(f"/proc/{pid}/cmdline").read_text().split("\0")


def loaded_libraries(pid):
    """The Python packages of which a process has loaded compiled modules."""
    paths = Path(f"/proc/{pid}/maps").read_text().split()
    parts = [path.partition("/site-packages/")[2].partition("/")[0] for path in paths]
    return set(parts)
