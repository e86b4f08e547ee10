"""A flood against the real site: limits hold across processes, and are no way to lose answers."""

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from survey.store.database import Database
from tests.support.command import environment, run_csat
from tests.support.pages import LINK
from tests.support.postgresql import PostgresqlServer
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


def hits(url):
    """How many hits of one client the processes have told each other."""
    database = Database(url.replace("postgresql://", "postgresql+psycopg://"))
    found = "SELECT coalesce(max(hits), 0) FROM rate_counts WHERE key LIKE '%client%'"
    with database.reading() as connection:
        most = connection.exec_driver_sql(found.replace("%", "%%") if "post" in url else found)
        told = most.scalar()
    database.close()
    return told


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_two_processes_share_limits_and_lock_no_customer_out(kind, tmp_path, request):
    if kind == "sqlite":
        url = f"sqlite:///{tmp_path}/csat.db"
    else:
        server: PostgresqlServer = request.getfixturevalue("postgresql")
        url = server.create_database()
        assert run_csat("db", "upgrade", CSAT_DATABASE_URL=url).returncode == 0
    given = {**LIMITS, "CSAT_DATABASE_URL": url}
    with (
        running_site(tmp_path, "--no-deliver", **given) as first,
        running_site(tmp_path, "--no-deliver", **given) as second,
    ):
        assert send(first.url, "own", person="jane") == 303
        taken = flood(first, "first").count(303)
        assert taken == 39
        wait_until(lambda: hits(url) == 40)
        # The second learns of it by its own first ones.
        more = flood(second, "second", 5).count(303)
        wait_until(lambda: hits(url) == 40 + more)
        # What was told is heard a moment later.
        wait_until(lambda: send(second.url, f"late-{time.monotonic()}") == 429)
        assert flood(second, "third", 20).count(429) == 20
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


def test_answers_are_taken_while_the_counts_are_locked(tmp_path, postgresql):
    url = postgresql.create_database()
    assert run_csat("db", "upgrade", CSAT_DATABASE_URL=url).returncode == 0
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, url.replace("postgresql://", "postgresql+psycopg://")],
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout.readline() == "held\n"
        with running_site(tmp_path, "--no-deliver", **{**LIMITS, "CSAT_DATABASE_URL": url}) as site:
            began = time.monotonic()
            # Alone, the process goes by its own count.
            assert flood(site, "locked").count(303) == 40
            assert send(site.url, "other", client="203.0.113.8") == 303
            assert time.monotonic() - began < 10
    finally:
        holder.kill()
        holder.communicate()
