"""Several `csat db upgrade` of a new database at the same time: each does its part or waits."""

from concurrent.futures import ThreadPoolExecutor

from survey.store.schema import schema_is_supported
from tests.support.command import run_csat

UPGRADES = 4


def test_upgrades_at_the_same_time_all_succeed(empty_database):
    url = empty_database.url.render_as_string(hide_password=False)
    with ThreadPoolExecutor(UPGRADES) as pool:
        running = [
            pool.submit(run_csat, "db", "upgrade", CSAT_DATABASE_URL=url) for _ in range(UPGRADES)
        ]
    done = [each.result() for each in running]
    assert [each.returncode for each in done] == [0] * UPGRADES, [each.stderr for each in done]
    assert schema_is_supported(empty_database)
