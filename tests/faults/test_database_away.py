"""PostgreSQL goes and comes back: who cannot be thanked keeps what they typed."""

import pytest

from survey.store.database import Database
from survey.store.migrate import upgrade
from tests.support.customers import Customers
from tests.support.postgresql import running_postgresql
from tests.support.reckoning import assert_nothing_is_lost
from tests.support.tree import SiteTree

CUSTOMERS = 6


@pytest.fixture
def server():
    """One that may be stopped: nobody else uses it."""
    with running_postgresql() as server:
        yield server


def test_while_postgresql_is_away_nobody_is_thanked_and_nothing_is_lost(
    server, posthog, tmp_path, seed
):
    url = server.create_database()
    database = Database(url)
    upgrade(database)
    database.close()
    with (
        SiteTree(tmp_path, url, posthog.url) as site,
        Customers(site.port, seed=seed, threads=CUSTOMERS) as customers,
    ):
        for how in ("fast", "immediate"):
            customers.wait_for(20)
            server.stop(how)
            before = len(customers.thanks)
            customers.wait_for_refusals(20)
            # What it committed last may be acknowledged a moment after it has gone.
            assert len(customers.thanks) - before <= CUSTOMERS
            server.start()
        customers.wait_for(20)
        assert_nothing_is_lost(customers.stop(), url, posthog)
