"""Commands that are run beside the sites, of which some are killed in the middle."""

import random
import subprocess
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.soak.world import World
from tests.support.command import run_csat

LONGEST_SECONDS = 120.0
# At the end, all that waits is sent, much of it by one command: thousands of mails, on a busy
# machine.
LONGEST_DRAIN_SECONDS = 900.0


@dataclass
class Commands:
    """Runs commands with the settings of a world, and counts what becomes of them."""

    world: World
    counts: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def run(self, *arguments: str) -> int:
        """Run a command to its end; return its exit code. A traceback is a problem."""
        done = run_csat(*arguments, timeout=LONGEST_SECONDS, **self.world.variables)
        with self._lock:
            self.counts[f"{arguments[0]}: exit {done.returncode}"] += 1
            if "Traceback" in done.stderr or done.returncode not in (0, 1):
                self.problems.append(f"{arguments}: {done.stderr[-2000:]}")
        return done.returncode

    def require(self, *arguments: str, codes: tuple[int, ...] = (0,)) -> None:
        """Run a command, which nothing disturbs: another exit code is a problem."""
        done = run_csat(*arguments, timeout=LONGEST_DRAIN_SECONDS, **self.world.variables)
        if done.returncode not in codes:
            self.problems.append(f"{arguments}: {done.returncode}: {done.stderr[-2000:]}")

    def run_and_kill(self, seconds: float, *arguments: str) -> None:
        """Run a command, and end it by kill -9 after some seconds, if it has not ended by then."""
        try:
            run_csat(*arguments, timeout=seconds, **self.world.variables)
        except subprocess.TimeoutExpired:
            with self._lock:
                self.counts[f"{arguments[0]}: killed"] += 1

    def run_perhaps_killed(self, chance: random.Random, *arguments: str) -> None:
        """Run a command, of three of which one is killed."""
        if chance.random() < 1 / 3:
            self.run_and_kill(chance.uniform(0.2, 1.5), *arguments)
        else:
            self.run(*arguments)


class Repeated:
    """A piece of work that a thread of its own does again and again, with pauses, until stopped.

    What goes wrong in it ends the thread, and is raised by `stop`.
    """

    def __init__(self, name: str, work: Callable[[], object], pause: Callable[[], float]) -> None:
        self._work = work
        self._pause = pause
        self._stopping = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._go_on, name=name)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def begin_to_stop(self) -> None:
        """Let it end after what it does now."""
        self._stopping.set()

    def stop(self) -> None:
        """Wait for its end; raise what went wrong."""
        self._stopping.set()
        self._thread.join(2 * LONGEST_SECONDS)
        assert not self._thread.is_alive(), f"{self._thread.name} does not end"
        if self._failure is not None:
            raise self._failure

    @property
    def has_failed(self) -> bool:
        """Whether something went wrong in it."""
        return self._failure is not None

    def _go_on(self) -> None:
        try:
            while not self._stopping.is_set():
                self._work()
                self._stopping.wait(self._pause())
        except BaseException as failure:
            self._failure = failure
