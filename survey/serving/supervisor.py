"""The supervisor binds the port once, starts site workers and the other processes, and restarts
them."""

import errno
import signal
import socket
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from survey.errors import CsatError
from survey.serving.children import ChildStarter, python_module

# A child that dies sooner than this after its start gets a longer pause before each restart.
HEALTHY_SECONDS = 5.0
LONGEST_RESTART_PAUSE_SECONDS = 10.0
# How long a child may take to finish what it is doing.
GRACE_SECONDS = 20.0
BACKLOG = 1024

log = structlog.get_logger()


class CannotListen(CsatError):
    """We cannot listen on the address; the message says why and what to do."""


@dataclass
class Child:
    """One process that must be running."""

    name: str
    command: list[str]
    fds: tuple[int, ...] = ()
    process: "subprocess.Popen[bytes] | None" = None
    started_at: float = 0.0
    restart_at: float = 0.0
    failures: int = 0

    def delay_start(self, now: float) -> None:
        """Delay the next start of a child that failed, for longer after each failure."""
        self.failures += 1
        # Limit the doublings: without a limit, the number would overflow in the end.
        pause = 0.25 * 2 ** min(self.failures, 10)
        self.restart_at = now + min(pause, LONGEST_RESTART_PAUSE_SECONDS)


@dataclass
class Supervisor:
    """Keeps the children running until it is told to stop."""

    children: list[Child]
    starter: ChildStarter = field(default_factory=ChildStarter)
    stopping: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Supervise until SIGINT or SIGTERM, then stop all children and wait for them."""
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: self.stopping.set())
        try:
            while not self.stopping.is_set():
                for child in self.children:
                    self._keep_running(child)
                self.stopping.wait(0.1)
        finally:
            self._stop_all()

    def _keep_running(self, child: Child) -> None:
        now = time.monotonic()
        if child.process is not None:
            code = child.process.poll()
            if code is None:
                return
            if now - child.started_at > HEALTHY_SECONDS:
                child.failures = 0
            log.error("process died, starting it anew", process=child.name, code=code)
            child.process = None
            child.delay_start(now)
        if now >= child.restart_at:
            self._start(child, now)

    def _start(self, child: Child, now: float) -> None:
        """Start a child. If the start fails, because the machine lacks processes or memory, the
        other children continue, and the start is tried again."""
        child.started_at = now
        try:
            child.process = self.starter.spawn(
                child.command, pass_fds=child.fds, start_new_session=True
            )
        except (OSError, MemoryError) as error:
            reason = getattr(error, "strerror", None) or type(error).__name__
            log.error("process cannot be started, trying again", process=child.name, reason=reason)
            child.delay_start(now)

    def _stop_all(self) -> None:
        running = [child.process for child in self.children if child.process is not None]
        for process in running:
            process.terminate()
        deadline = time.monotonic() + GRACE_SECONDS
        for process in running:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket. Raise CannotListen, for example if another program listens.

    Bind only once, here, without SO_REUSEPORT, so that no second server can take some of the
    requests unnoticed.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    # A restarted server can bind while closed connections linger. A listener is still a conflict.
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except (OSError, OverflowError, UnicodeError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise CannotListen(f"cannot listen on {host}:{port}: {reason}. {_advise(error)}") from None
    return listener


def bind_unix(path: Path) -> socket.socket:
    """Return a listening Unix socket. Raise CannotListen, for example if its path is too long."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(path))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise CannotListen(
            f"cannot listen on {path}: {error.strerror or error}. Name another folder for "
            "temporary files with TMPDIR, or leave the reports out with --no-reports."
        ) from None
    return listener


def _advise(error: Exception) -> str:
    """Return advice for an address on which we cannot listen."""
    # A UnicodeError means that no host name can be written like this.
    if isinstance(error, socket.gaierror | UnicodeError):
        return "No such host is known here; name an address of this machine with --host."
    if isinstance(error, OSError) and error.errno == errno.EADDRNOTAVAIL:
        return "That address is not this machine's; name one that is with --host."
    if isinstance(error, PermissionError):
        return "Ports under 1024 need the right to; choose a higher one with --port."
    if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
        return "Stop what listens there, or choose another port with --port."
    return "Choose another address with --host, or another port with --port."


def site_workers(listener: socket.socket, count: int) -> list[Child]:
    """Return the children that answer requests on one listening socket."""
    fd = listener.fileno()
    command = python_module("wsgi", str(fd))
    return [Child(f"site worker {number + 1}", command, (fd,)) for number in range(count)]


def reports_worker(listener: socket.socket) -> Child:
    """Return the child that answers for the reports, on a listening Unix socket."""
    fd = listener.fileno()
    return Child("reports worker", python_module("wsgi", "--reports", str(fd)), (fd,))


def delivery() -> Child:
    """Return the child that sends the outbox to PostHog."""
    return Child("delivery", python_module("csat", "deliver"))


def ticking() -> Child:
    """Return the child that does once a minute whatever is due."""
    return Child("tick", python_module("csat", "tick", "--every-minute"))
