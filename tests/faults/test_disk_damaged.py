"""The disk becomes read-only, or has no room for another file: nothing acknowledged is lost, nobody
is told anything wrong, and when it is mended, all goes on."""

import pytest

from tests.support.command import run_csat
from tests.support.customers import Customers
from tests.support.reckoning import assert_nothing_is_lost
from tests.support.site import answers, wait_until
from tests.support.small_disk import JournaledDisk, MountedDisk
from tests.support.tree import SiteTree

pytestmark = pytest.mark.long


@pytest.fixture
def journaled_disk(tmp_path):
    disk = JournaledDisk(tmp_path)
    if not disk.mount():
        pytest.skip("no disk can be made and mounted here: that needs root, ext4 and a loop device")
    yield disk
    disk.unmount()


@pytest.fixture
def disk_of_few_files(tmp_path):
    disk = MountedDisk(tmp_path)
    if not disk.mount():
        pytest.skip("no disk can be mounted here: that needs root")
    yield disk
    disk.unmount()


def test_a_disk_that_becomes_read_only(journaled_disk, posthog, seed):
    url = f"sqlite:///{journaled_disk.folder}/csat.db"
    site = SiteTree(journaled_disk.folder, url, posthog.url)
    address = f"http://127.0.0.1:{site.port}"
    with Customers(site.port, seed=seed) as customers:
        with site:
            customers.wait_for(10)
            # What is written at this very moment the system may confirm and lose.
            with customers.quiet():
                journaled_disk.damage()
            customers.wait_for_refusals(10)
            wait_until(lambda: not answers(f"{address}/readyz"))
            assert answers(f"{address}/healthz")
        journaled_disk.repair()
        with site:
            customers.wait_for(10)
            assert_nothing_is_lost(customers.stop(), url, posthog)


def test_a_disk_without_room_for_another_file(disk_of_few_files, posthog, seed):
    disk = disk_of_few_files
    url = f"sqlite:///{disk.folder}/csat.db"
    site = SiteTree(disk.folder, url, posthog.url)
    with site, Customers(site.port, seed=seed) as customers:
        customers.wait_for(5)
        disk.use_up_inodes()
        customers.wait_for(10)  # what runs needs no other file
        new = run_csat("db", "upgrade", CSAT_DATABASE_URL=f"sqlite:///{disk.folder}/new.db")
        assert new.returncode == 1
        assert "new.db cannot be made: No space left on device" in new.stderr
        disk.free_inodes()
        customers.wait_for(5)
        assert_nothing_is_lost(customers.stop(), url, posthog)
