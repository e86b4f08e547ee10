"""Runs checks beside each other, each within a time limit, whatever it waits for."""

import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from time import monotonic

from survey.doctor.findings import Finding, Level, in_one_line
from survey.errors import CsatError
from survey.logs import find_place


@dataclass(frozen=True)
class Check:
    """A check: its name, and the function that returns what it found."""

    name: str
    find: Callable[[], Iterable[Finding]]


@dataclass
class _Run:
    """A check in a thread of its own. The thread is a daemon, so a process that ends does not
    wait for it."""

    check: Check
    findings: list[Finding] | None = None
    thread: threading.Thread = field(init=False)

    def start(self) -> None:
        self.thread = threading.Thread(target=self._run, name=self.check.name, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        try:
            self.findings = list(self.check.find())
        except CsatError as error:
            self.findings = [in_one_line(self.check.name, Level.FAILURE, str(error))]
        except Exception as error:
            # The message of an unexpected error may repeat what customers wrote.
            kind, at = type(error).__name__, find_place(error)
            message = f"the check failed unexpectedly ({kind} at {at}): please report it"
            self.findings = [Finding(self.check.name, Level.FAILURE, message)]


def run_checks(checks: Sequence[Check], seconds: float) -> list[Finding]:
    """Return what all checks found, in their order; of one that has not ended after `seconds`,
    return that it has not."""
    runs = [_Run(check) for check in checks]
    for run in runs:
        run.start()
    ends_at = monotonic() + seconds
    for run in runs:
        run.thread.join(max(ends_at - monotonic(), 0.0))
    late = f"there was no answer within {seconds:g} s: is what it asks overloaded, or cut off?"
    return [
        finding
        for run in runs
        for finding in run.findings or [Finding(run.check.name, Level.WARNING, late)]
        if run.findings != []
    ]
