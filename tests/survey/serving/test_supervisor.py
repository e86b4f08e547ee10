"""The supervisor and its children, which are real processes."""

import signal
import sys
import threading
from contextlib import contextmanager

import pytest

from survey.serving.supervisor import LONGEST_RESTART_PAUSE_SECONDS, Child, Supervisor
from tests.support.site import wait_until

SLEEPING = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture(autouse=True)
def _signal_handlers():
    kept = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


@contextmanager
def watching(supervisor, watch):
    """Watch from another thread, for signals belong to the main one; then stop."""
    failures = []

    def watch_and_stop():
        try:
            watch()
        except BaseException as error:
            failures.append(error)
        finally:
            supervisor.stopping.set()

    thread = threading.Thread(target=watch_and_stop)
    thread.start()
    yield
    thread.join()
    assert failures == []


def test_a_child_that_cannot_be_started_ends_no_other_and_is_tried_again(tmp_path):
    healthy = Child("healthy", SLEEPING)
    late = Child("late", [str(tmp_path / "late")])
    supervisor = Supervisor([healthy, late])

    def watch():
        wait_until(lambda: late.failures >= 2)
        pid = healthy.process.pid
        (tmp_path / "late").write_text("#!/bin/sh\nexec sleep 60\n")
        (tmp_path / "late").chmod(0o700)
        wait_until(lambda: late.process is not None and late.process.poll() is None)
        assert healthy.process.pid == pid
        assert healthy.process.poll() is None

    with watching(supervisor, watch):
        supervisor.run()
    assert healthy.process.returncode == -signal.SIGTERM


def test_pauses_between_starts_grow_to_a_longest_one():
    child = Child("x", ["x"])
    pauses = []
    for _ in range(2_000):
        child.delay_start(100.0)
        pauses.append(child.restart_at - 100.0)
    assert pauses[:4] == [0.5, 1.0, 2.0, 4.0]
    assert set(pauses[6:]) == {LONGEST_RESTART_PAUSE_SECONDS}
