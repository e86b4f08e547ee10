"""kill −9 of any part of the site, at any moment: no answer is lost, none counts twice."""

import random
import time

from tests.support.customers import Customers
from tests.support.reckoning import assert_nothing_is_lost
from tests.support.site import wait_until
from tests.support.tree import SiteTree

# Several share SQLite's file, and its turns at writing.
SITE_WORKERS = {"sqlite": 2, "postgresql": 1}


def kill_a_site_worker(site: SiteTree, chance: random.Random) -> None:
    workers = site.site_workers()
    site.kill(chance.choice(workers))
    wait_until(lambda: len(site.site_workers()) == len(workers))


def kill_delivery(site: SiteTree, _chance: random.Random) -> None:
    site.kill(*site.deliveries())
    wait_until(site.deliveries)


def kill_the_supervisor(site: SiteTree, _chance: random.Random) -> None:
    site.kill(site.supervisor)
    site.wait_until_gone()
    site.start()


def kill_everything(site: SiteTree, _chance: random.Random) -> None:
    site.kill(site.supervisor, *site.processes())
    site.wait_until_gone()
    site.start()


KILLS = (kill_a_site_worker, kill_delivery, kill_the_supervisor, kill_everything)


def test_whatever_is_killed_no_answer_is_lost_or_counted_twice(
    database_url, posthog, tmp_path, rounds, seed
):
    chance = random.Random(seed)
    kills = list(KILLS * rounds)
    chance.shuffle(kills)
    workers = SITE_WORKERS[database_url.partition(":")[0]]
    site = SiteTree(tmp_path, database_url, posthog.url, "--workers", str(workers))
    with site, Customers(site.port, seed=seed) as customers:
        for kill in kills:
            # Also while what was killed last is still starting.
            time.sleep(chance.uniform(0, 0.4))
            print(f"{time.monotonic():.3f} {kill.__name__}")
            kill(site, chance)
            customers.wait_for(1)
        thanked = customers.stop()
        assert_nothing_is_lost(thanked, database_url, posthog)
    assert len(thanked) > len(kills)
