"""A process that begins to write into a store, and is suspended in the middle of it."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.command import environment

_HOLD = """
import sys, time
from survey.store.database import Database
with Database(sys.argv[1]).writing():
    print("held", flush=True)
    time.sleep(600)
"""


@contextmanager
def suspended_writer(database_url: str) -> Iterator[None]:
    """In this block nobody else can write."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLD, database_url],
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "held\n"
            yield
        finally:
            holder.kill()
