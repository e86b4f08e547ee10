"""The disk is full: who cannot be thanked keeps what they typed, and nothing breaks for good."""

import random
import sqlite3
from contextlib import closing

import pytest

from tests.support.customers import Customers
from tests.support.reckoning import assert_nothing_is_lost
from tests.support.site import answers, wait_until
from tests.support.small_disk import MountedDisk, SizeLimit
from tests.support.tree import SiteTree


@pytest.fixture(params=["full", "limited"])
def disk(request, tmp_path):
    """A full disk where one can be mounted; a limit to the size of files everywhere."""
    mounted = MountedDisk(tmp_path)
    if request.param == "full" and mounted.mount():
        yield mounted
        mounted.unmount()
    else:
        yield SizeLimit(tmp_path)


def test_on_a_full_disk_nobody_is_thanked_and_afterwards_all_goes_on(disk, posthog, rounds, seed):
    chance = random.Random(seed)
    url = f"sqlite:///{disk.folder}/csat.db"
    site = SiteTree(disk.folder, url, posthog.url, "--workers", "2")
    ready = f"http://127.0.0.1:{site.port}/readyz"
    with site, Customers(site.port, seed=seed) as customers:
        processes = site.processes()
        for _ in range((rounds + 1) // 2):  # and as many on the other disk
            customers.wait_for(10)
            # Some is left, so that it runs out in the middle of something.
            disk.fill(chance.choice([0, chance.randrange(100_000)]), site)
            customers.wait_for_refusals(10)
            wait_until(lambda: not answers(ready))
            disk.free(site)
            wait_until(lambda: answers(ready))
        customers.wait_for(10)
        assert_nothing_is_lost(customers.stop(), url, posthog)
        # Nobody died of it, not even of being unable to say so in the log.
        assert site.processes() == processes
        log = site.log.read_text()
        site.stop()
        with closing(sqlite3.connect(disk.folder / "csat.db")) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert "malformed" not in log
    assert "Traceback" not in log, log
