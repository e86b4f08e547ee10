"""Strangers who send what they like: never a 5xx, never a hang, never more memory."""

import os
import re
import socket
import threading
from collections import Counter
from pathlib import Path

import requests

from tests.support.hostile import Hostility
from tests.support.pages import LINK
from tests.support.site import running_site

# `make soak` asks for more.
REQUESTS = int(os.environ.get("HOSTILE_REQUESTS", "4000"))
STRANGERS = 4
# Longer than the server takes to give up on a request that never ends.
LONGEST_SECONDS = 45.0
GROWTH_MB = 40
STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) ")


def send(port, data):
    """Send bytes, end the sending, and read all that comes: the statuses of the answers."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=LONGEST_SECONDS) as connection:
        try:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(65536):
                received += piece
        except ConnectionError:
            pass  # it was refused, and let go while it still sent
    return [int(status) for status in STATUS.findall(received)]


def resident_mb(pid):
    """How much memory a process holds."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) / 1024


def test_strangers_who_send_what_they_like(tmp_path, seed):
    statuses: Counter[int] = Counter()
    failures = []

    def attack(number, count):
        hostility = Hostility(f"{seed}-{number}")
        for _ in range(count):
            data = hostility.request()
            try:
                found = send(port, data)
            except TimeoutError:
                failures.append(("hangs", data[:500]))
                return
            if any(status >= 500 for status in found):
                failures.append((found, data[:500]))
            statuses.update(found)

    def attack_together(count):
        threads = [
            threading.Thread(target=attack, args=(f"{count}-{number}", count // STRANGERS))
            for number in range(STRANGERS)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    with running_site(tmp_path, "--no-deliver", CSAT_METRICS_TOKEN="secret") as site:
        port = int(site.url.rpartition(":")[2])
        (worker,) = site.children()
        attack_together(REQUESTS // 5)
        before = resident_mb(worker)
        attack_together(REQUESTS - REQUESTS // 5)
        growth = resident_mb(worker) - before
        sent = requests.post(site.url, params=LINK, data={"rating": 5}, timeout=5)
        assert sent.status_code == 200
        assert site.children() == [worker]
    print(dict(sorted(statuses.items())), f"{growth:+.1f} MB")
    assert not failures
    assert {200, 303, 400, 413, 431} <= set(statuses)
    assert growth < GROWTH_MB
    log = (tmp_path / "serve.log").read_text()
    assert "request failed" not in log
    assert "Traceback" not in log
