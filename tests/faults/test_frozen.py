"""A database that does not go away, but does not answer either: nobody waits without end."""

import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import requests

from survey.store.database import Database
from survey.store.migrate import upgrade
from tests.support.holding import suspended_writer
from tests.support.pages import LINK, Page
from tests.support.postgresql import running_postgresql
from tests.support.reckoning import summary
from tests.support.site import answers, running_site, wait_until

# More than a site has threads.
CUSTOMERS = 60
LONGEST_SECONDS = 10.0
LONGEST_SECONDS_OF_HEALTH = 2.0


def answer(url, ticket):
    """One customer's answer: its status, the page, and how long it took."""
    began = time.monotonic()
    sent = requests.post(
        url,
        params={**LINK, "ticketId": ticket},
        data={"rating": "4", "comment": "please keep", "submit_id": ticket},
        allow_redirects=False,
        timeout=30,
    )
    return sent.status_code, Page(sent.text), time.monotonic() - began


def look(url, ticket):
    """One customer's look at the survey."""
    began = time.monotonic()
    shown = requests.get(url, params={**LINK, "ticketId": ticket}, timeout=30)
    return shown.status_code, Page(shown.text), time.monotonic() - began


def assert_nobody_waits(site):
    """Customers get an honest answer in time, with what they typed; operators at once."""
    health, over = [], threading.Event()

    def watch():
        while not over.is_set():
            for path in ("healthz", "readyz"):
                began = time.monotonic()
                status = requests.get(f"{site.url}/{path}", timeout=30).status_code
                health.append((path, status, began, time.monotonic() - began))
            over.wait(0.2)

    watcher = threading.Thread(target=watch)
    watcher.start()
    with ThreadPoolExecutor(CUSTOMERS) as pool:
        looks = pool.map(lambda n: look(site.url, f"l{n}"), range(CUSTOMERS // 2))
        answered = list(pool.map(lambda n: answer(site.url, f"a{n}"), range(CUSTOMERS // 2)))
        looks = list(looks)
    over.set()
    watcher.join()
    assert {status for status, _, _ in answered} == {503}
    assert {(page.checked, page.fields["comment"]) for _, page, _ in answered} == {
        ("4", "please keep")
    }
    assert {status for status, _, _ in looks} == {200}
    assert max(seconds for _, _, seconds in [*answered, *looks]) < LONGEST_SECONDS
    # A machine that does something else besides may hold up one of them.
    *_, p95 = statistics.quantiles((seconds for _, _, _, seconds in health), n=20)
    assert p95 < LONGEST_SECONDS_OF_HEALTH
    # What was found out before holds for a second.
    known = [each for each in health if each[2] > health[0][2] + 1.5]
    assert {(path, status) for path, status, _, _ in known} == {("healthz", 200), ("readyz", 503)}


def assert_everything_goes_on(site, database_url):
    """The same forms are taken, and counted once."""

    def is_thanked(number):
        return answer(site.url, f"a{number}")[0] == 303

    wait_until(lambda: is_thanked(0), 30)
    assert all(is_thanked(number) for number in range(1, CUSTOMERS // 2))
    wait_until(lambda: answers(f"{site.url}/readyz"))
    assert summary(database_url).waiting == CUSTOMERS // 2


def test_a_frozen_postgresql(tmp_path):
    with running_postgresql() as server:
        url = server.create_database()
        database = Database(url.replace("postgresql://", "postgresql+psycopg://"))
        upgrade(database)
        database.close()
        with running_site(tmp_path, "--no-deliver", CSAT_DATABASE_URL=url) as site:
            assert look(site.url, "1")[0] == 200
            server.freeze()
            try:
                assert_nobody_waits(site)
            finally:
                server.thaw()
            assert_everything_goes_on(site, url)


def test_a_writer_that_was_suspended(tmp_path):
    url = f"sqlite:///{tmp_path}/csat.db"
    with running_site(tmp_path, "--no-deliver") as site:
        with suspended_writer(url):
            assert_nobody_waits(site)
        assert_everything_goes_on(site, url)
