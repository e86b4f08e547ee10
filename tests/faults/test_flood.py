"""A flood against the real site: processes share their limits, and no answer is lost by them."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import requests

from survey.store.models import RateCountRow
from tests.conftest import on_postgresql
from tests.support.command import environment
from tests.support.pages import LINK
from tests.support.rows import rows
from tests.support.site import running_site, wait_until

LIMITS = {
    "CSAT_RATE_LIMIT_CLIENT": "40",
    "CSAT_RATE_LIMIT_STORAGE": "database",
    "CSAT_TRUSTED_PROXIES": "1",
}


def send(url, ticket, client="203.0.113.7", person="eve", rating=5):
    return requests.post(
        url,
        params={**LINK, "ticketId": ticket, "distinct_id": person},
        data={"rating": str(rating), "submit_id": ticket},
        headers={"X-Forwarded-For": f"198.51.100.99, {client}"},
        allow_redirects=False,
        timeout=20,
    ).status_code


def flood(site, name, how_many=60, client="203.0.113.7"):
    """Statuses of the answers to made-up tickets, sent at once."""
    with ThreadPoolExecutor(8) as pool:
        return list(pool.map(lambda n: send(site.url, f"{name}-{n}", client), range(how_many)))


def hits(database):
    """How many hits of one client the processes have told each other."""
    found = [row.hits for row in rows(database, RateCountRow) if "client" in row.key]
    return max(found, default=0)


def test_two_processes_share_limits_and_lock_no_customer_out(tmp_path, database, database_url):
    given = {**LIMITS, "CSAT_DATABASE_URL": database_url}
    with (
        running_site(tmp_path, "--no-deliver", **given) as first,
        running_site(tmp_path, "--no-deliver", **given) as second,
    ):
        assert send(first.url, "own", person="jane") == 303
        assert flood(first, "first").count(303) == 39
        wait_until(lambda: hits(database) == 40)
        # The second knows of it a moment after its own first ones.
        wait_until(lambda: send(second.url, f"late-{time.monotonic()}") == 429)
        assert flood(second, "second", 20).count(429) == 20
        # Neither the customer from the flooding address nor any other client is refused.
        assert send(second.url, "own", person="jane", rating=1) == 303
        assert flood(second, "others", 20, client="203.0.113.8") == [303] * 20


HOLD = """
import sys, time
from survey.store.database import Database
database = Database(sys.argv[1])
with database.writing() as connection:
    connection.exec_driver_sql("LOCK TABLE rate_counts IN ACCESS EXCLUSIVE MODE")
    print("held", flush=True)
    time.sleep(600)
"""


@on_postgresql
def test_answers_are_taken_while_the_counts_are_locked(tmp_path, database, database_url):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, database.url.render_as_string(hide_password=False)],
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    given = {**LIMITS, "CSAT_DATABASE_URL": database_url}
    try:
        assert holder.stdout.readline() == "held\n"
        with running_site(tmp_path, "--no-deliver", **given) as site:
            began = time.monotonic()
            # Alone, the process goes by its own count.
            assert flood(site, "locked").count(303) == 40
            assert send(site.url, "other", client="203.0.113.8") == 303
            assert time.monotonic() - began < 10
    finally:
        holder.kill()
        holder.communicate()
