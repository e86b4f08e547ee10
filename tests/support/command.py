"""Running `csat` as a person does: a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def environment(**settings: str) -> dict[str, str]:
    """The environment of a `csat` process with these settings and no others."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("CSAT_")}
    return {**inherited, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **settings}


def run_csat(
    *arguments: str, timeout: float = 60, **settings: str
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end; what it printed and its exit code."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "csat", *arguments],
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
