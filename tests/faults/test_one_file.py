"""Several processes on one SQLite file: a locked database never reaches a customer."""

import statistics
import threading

from survey.store.received import all_received
from tests.conftest import on_sqlite
from tests.support.customers import Customers
from tests.support.reckoning import assert_nothing_is_lost, opened, summary
from tests.support.tree import SiteTree

ANSWERS = 400
# On an idle machine the slowest takes less than a second.
LONGEST_ANSWER_SECONDS = 5.0


def read_on_and_on(database_url, stop):
    """As reports and `csat outbox` do."""
    while not stop.wait(0.05):
        summary(database_url)
        with opened(database_url) as database, database.reading() as connection:
            list(all_received(connection, None))


@on_sqlite
def test_a_locked_database_never_reaches_a_customer(database_url, posthog, tmp_path, seed):
    stop = threading.Event()
    reader = threading.Thread(target=read_on_and_on, args=(database_url, stop))
    site = SiteTree(tmp_path, database_url, posthog.url, "--workers", "2")
    with site, Customers(site.port, seed=seed, threads=8, pause=0.02) as customers:
        reader.start()
        customers.wait_for(ANSWERS)
        thanked = customers.stop()
        stop.set()
        reader.join(30)
        assert_nothing_is_lost(thanked, database_url, posthog)
    seconds = [each.seconds for each in customers.thanks]
    *_, p95 = statistics.quantiles(seconds, n=20)
    print(f"{len(seconds)} answers: p95 {p95:.3f} s, slowest {max(seconds):.3f} s")
    assert customers.refusals == 0
    assert max(seconds) < LONGEST_ANSWER_SECONDS
    # Where the database is, which the log names, has the name of this test.
    assert " locked" not in site.log.read_text()
