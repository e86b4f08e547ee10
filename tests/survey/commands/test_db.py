"""`csat db upgrade`: the schema, and responses that follow changed settings."""

import os
import pty
import subprocess
import sys

from tests.conftest import on_sqlite
from tests.support.command import environment, run_csat
from tests.support.many_answers import add_many


@on_sqlite
def test_a_terminal_shows_how_far_a_derivation_is_and_a_file_does_not(database, database_url):
    add_many(database, 3000, ticket="'T' || n")
    ours, theirs = pty.openpty()
    upgrading = subprocess.Popen(
        [sys.executable, "-P", "-m", "csat", "db", "upgrade"],
        env=environment(CSAT_DATABASE_URL=database_url, TERM="xterm"),
        stdout=subprocess.DEVNULL,
        stderr=theirs,
    )
    os.close(theirs)
    shown = b""
    try:
        while piece := os.read(ours, 4096):
            shown += piece
    except OSError:  # the other end is closed
        pass
    os.close(ours)
    assert upgrading.wait() == 0
    assert b"Deriving responses anew" in shown
    assert b"3,000 answers" in shown
    again = run_csat(
        "db", "upgrade", CSAT_DATABASE_URL=database_url, CSAT_TEST_DISTINCT_IDS="person-1"
    )
    assert again.returncode == 0
    assert "Deriving responses anew" not in again.stdout + again.stderr
