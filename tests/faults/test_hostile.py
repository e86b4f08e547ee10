"""Strangers who send what they like: never a 5xx, never a hang, never more memory."""

import errno
import os
import random
import re
import socket
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID

import pytest
import requests
from sqlalchemy import func, select

from reports.site.app import create_reports_site
from survey.clock import now
from survey.site.app import create_app
from survey.store.models import AnswerRow, ResponseRow
from survey.store.users import add_user
from survey.vocabulary import Role
from tests.support.hostile import Attempt, Hostility, Insider
from tests.support.hostile_paths import NEVER, PATHS, REPORTS_PATHS
from tests.support.reckoning import opened
from tests.support.reports_site import PASSWORD, QUICK, hidden_fields
from tests.support.site import running_site
from tests.support.zendesk_webhook import WEBHOOK_SECRET

# `make fuzz` asks for more.
REQUESTS = int(os.environ.get("HOSTILE_REQUESTS", "4000"))
STRANGERS = 4
# Of those that begin and never go on; the site is kept busy by them all the time.
SLUGGARDS = 20
# Longer than the server takes to give up on a request that never ends.
LONGEST_SECONDS = 45.0
PAUSE_SECONDS = 0.05
GROWTH_MB = 40
# The worker of the reports fills its caches, which hold what it counted for a number of days.
REPORTS_GROWTH_MB = 90
STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")
# How many attempts there are to one honest answer, and of which team that is. There are only some
# thousands of them: what a report holds of more would take memory, too.
HONEST = max(25, REQUESTS // 4000)
HONEST_TEAM = "honest"
# There are more of everybody here than come from one office, or on one day.
WITHOUT_LIMITS = {
    "CSAT_RATE_LIMIT_CLIENT": "0",
    "CSAT_RATE_LIMIT_LINK": "0",
    "CSAT_RATE_LIMIT_ALL": "0",
    "CSAT_UNVERIFIED_TICKETS_PER_DAY": "100000000",
}


def connect(port: int) -> socket.socket:
    """A connection to the site. The machine may have no port left for a moment: each one rests for
    a minute after its use."""
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=LONGEST_SECONDS)
        except OSError as error:
            if error.errno != errno.EADDRNOTAVAIL:
                raise
            time.sleep(1)


def exchange(port: int, attempt: Attempt) -> bytes:
    """Send an attempt, end the sending, and read all that comes."""
    received = b""
    length = -(-len(attempt.data) // attempt.pieces)
    with connect(port) as connection:
        try:
            for begin in range(0, len(attempt.data), max(length, 1)):
                if begin:
                    time.sleep(PAUSE_SECONDS)
                connection.sendall(attempt.data[begin : begin + length])
            connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(65536):
                received += piece
        except TimeoutError:
            raise
        except OSError:
            pass  # it was refused, and let go while it still sent
    return received


def statuses_in(received: bytes) -> list[int]:
    """The statuses of the answers in what was received."""
    return [int(status) for status in STATUS.findall(received)]


def honest_answers(ticket: str, rating: int, chance: random.Random) -> Attempt:
    """An answer, twice on one connection, as a double click sends it."""
    submit_id = UUID(int=chance.getrandbits(128))
    body = f"rating={rating}&comment=honest+%F0%9F%A6%94&submit_id={submit_id}"
    request = (
        f"POST /?ticketId={ticket}&distinct_id={ticket}&team={HONEST_TEAM} HTTP/1.1\r\nHost: a\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    )
    return Attempt(2 * request.encode(), 2)


@dataclass
class Attack:
    """Strangers who send until enough was sent, and honest customers among them."""

    port: int
    seed: str
    insider: Insider
    statuses: Counter[int] = field(default_factory=Counter)
    failures: list[object] = field(default_factory=list)
    ratings: Counter[int] = field(default_factory=Counter)
    sent: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def go_on_until(self, total: int) -> None:
        """Send until so many requests were sent in all."""
        threads = [
            threading.Thread(target=self._attack, args=(f"{self.sent}-{number}", total))
            for number in range(STRANGERS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _attack(self, name: str, total: int) -> None:
        hostility = Hostility(f"{self.seed}-{name}", self.insider)
        chance = random.Random(f"{self.seed}-{name}-honest")
        number = 0
        while self.sent < total and not self.failures:
            number += 1
            if number % HONEST == 0:
                self._be_honest(f"H-{name}-{number}", chance)
                continue
            attempt = hostility.attempt()
            found = self._exchange(attempt)
            if any(status >= 500 for status in found):
                self.failures.append((found, attempt.data[:500]))

    def _be_honest(self, ticket: str, chance: random.Random) -> None:
        rating = chance.randint(1, 5)
        found = self._exchange(honest_answers(ticket, rating, chance))
        if found != [303, 303]:
            self.failures.append((ticket, found))
        with self._lock:
            self.ratings[rating] += 1

    def _exchange(self, attempt: Attempt) -> list[int]:
        try:
            found = statuses_in(exchange(self.port, attempt))
        except OSError as error:
            self.failures.append((f"hangs: {error}", attempt.data[:500]))
            return []
        with self._lock:
            self.sent += attempt.requests
            self.statuses.update(found)
        return found


class Sluggards:
    """Clients that send a byte now and then, and begin anew whenever they are cut off."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._dawdle)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _dawdle(self) -> None:
        sockets: list[socket.socket] = []
        while not self._over.wait(0.2):
            while len(sockets) < SLUGGARDS:
                connection = connect(self._port)
                connection.sendall(b"GET / HTTP/1.1\r\nA: ")
                sockets.append(connection)
            for each in list(sockets):
                try:
                    each.sendall(b"x")
                except OSError:
                    each.close()
                    sockets.remove(each)
        for each in sockets:
            each.close()


def sign_in(url: str, database_url: str) -> Insider:
    """An administrator of the reports, signed in."""
    with opened(database_url) as database, database.writing() as connection:
        add_user(connection, "ada", Role.ADMIN, QUICK.hash(PASSWORD), now())
    with requests.Session() as session:
        login = f"{url}/reports/login"
        form = hidden_fields(session.get(login, timeout=40).text)
        form |= {"username": "ada", "password": PASSWORD}
        session.post(login, data=form, timeout=40).raise_for_status()
        account = session.get(f"{url}/reports/account", timeout=40)
        cookies = "; ".join(f"{name}={value}" for name, value in session.cookies.items())
    return Insider(cookies, hidden_fields(account.text)["csrf_token"])


def resident_mb(pid: int) -> float:
    """How much memory a process holds."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found
    return int(found[1]) / 1024


@pytest.mark.timeout(max(180, REQUESTS // 100))
def test_strangers_who_send_what_they_like(tmp_path, seed):
    database_url = f"sqlite:///{tmp_path}/csat.db"
    settings = {
        "CSAT_METRICS_TOKEN": "secret",
        "CSAT_ZENDESK_WEBHOOK_SECRET": WEBHOOK_SECRET,
        **WITHOUT_LIMITS,
    }
    with running_site(tmp_path, "--no-deliver", reports=True, **settings) as site:
        insider = sign_in(site.url, database_url)
        attack = Attack(int(site.url.rpartition(":")[2]), seed, insider)
        # The one for the reports was started last.
        processes = [site.process.pid, *site.children()]
        memory = []
        with Sluggards(attack.port):
            for share in (0.1, 0.5, 1.0):
                attack.go_on_until(int(share * REQUESTS))
                memory.append([round(resident_mb(pid), 1) for pid in processes])
                print(f"{attack.sent:,} requests; MB of each process: {memory[-1]}", flush=True)
        taken = requests.post(site.url, params={"ticketId": "last"}, data={"rating": 5}, timeout=5)
        assert taken.status_code == 200
        assert [site.process.pid, *site.children()] == processes
    print(dict(sorted(attack.statuses.items())))
    assert not attack.failures
    assert {200, 204, 303, 400, 401, 404, 405, 413, 431} <= set(attack.statuses)
    *growth, reports = (after - before for before, after in zip(memory[0], memory[-1], strict=True))
    assert max(growth) < GROWTH_MB
    assert reports < REPORTS_GROWTH_MB
    assert_honest_answers_count(database_url, attack.ratings)
    log = (tmp_path / "serve.log").read_text()
    assert "request failed" not in log
    assert "Traceback" not in log


def assert_honest_answers_count(database_url: str, ratings: Counter[int]) -> None:
    """Each honest answer is stored once, and is its ticket's response."""
    with opened(database_url) as database, database.reading() as connection:
        answers = connection.execute(
            select(AnswerRow.rating, func.count())
            .where(AnswerRow.team == HONEST_TEAM)
            .group_by(AnswerRow.rating)
        )
        responses = connection.execute(
            select(ResponseRow.rating, func.count())
            .where(ResponseRow.team == HONEST_TEAM)
            .group_by(ResponseRow.rating)
        )
        assert dict(map(tuple, answers)) == dict(ratings)
        assert dict(map(tuple, responses)) == dict(ratings)


def test_each_address_of_both_sites_is_tried(settings, database):
    sites = [create_app(settings, database), create_reports_site(settings, database)]
    for site in sites:
        adapter = site.url_map.bind("a")
        rules = {rule.endpoint for rule in site.url_map.iter_rules()}
        tried = set()
        for path in (*PATHS, *REPORTS_PATHS, *NEVER):
            for method in ("GET", "POST"):
                if adapter.test(path, method):
                    tried.add(adapter.match(path, method)[0])
        assert rules - tried == set()
