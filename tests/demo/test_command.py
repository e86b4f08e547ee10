"""`csat demo`: starts, delivers, stops, starts again, and leaves nothing running."""

import html
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests

from tests.support.command import environment
from tests.support.site import answers, wait_until


@contextmanager
def running_demo(folder) -> Iterator[tuple[dict[str, str], "subprocess.Popen[bytes]"]]:
    """The demo in a folder of its own, with the addresses that it printed, by their labels."""
    path = folder / "printed"
    with path.open("wb") as printed:
        process = subprocess.Popen(
            [sys.executable, "-m", "csat", "demo"],
            cwd=folder,
            env=environment(),
            stdout=printed,
            stderr=printed,
        )
    try:
        deadline = time.monotonic() + 90
        while "Stop with Ctrl-C" not in path.read_text():
            assert process.poll() is None, path.read_text()
            assert time.monotonic() < deadline, path.read_text()
            time.sleep(0.1)
        lines = re.findall(r"^ {2}(\S.*?) {2,}(\S+)$", path.read_text(), re.MULTILINE)
        yield dict(lines), process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        process.wait(40)


@pytest.mark.timeout(240)
def test_the_demo_from_start_to_a_second_start(tmp_path):
    with running_demo(tmp_path) as (printed, process):
        links = [address for label, address in printed.items() if label.startswith("Survey")]
        overview = printed["Events as they arrive"]
        for link in links:
            sent = requests.post(link, data={"rating": "5", "comment": "hello demo"}, timeout=10)
            assert "Thank you" in sent.text
        wait_until(lambda: len(requests.get(f"{overview}events.json", timeout=5).json()) == 3)
        assert "hello demo" in requests.get(overview, timeout=5).text
        reports = [address for label, address in printed.items() if label.startswith("Report of")]
        assert all("<h1" in requests.get(address, timeout=5).text for address in reports)
        assert "Who was asked" in requests.get(reports[0], timeout=5).text
        dashboard = requests.get(printed["PostHog's dashboard, set up as code"], timeout=60).text
        assert dashboard.count("hello demo") == 3
        live_through_a_ticket(printed["Tickets at Zendesk, to solve"])
        site = links[0].partition("?")[0]
        process.send_signal(signal.SIGINT)
        assert process.wait(40) == 0
        assert not answers(f"{site}healthz")
        assert not answers(overview)

    with running_demo(tmp_path) as (printed, process):
        again = requests.get(links[0].replace(site, _site(printed)), timeout=10)
        assert "You have already answered" in again.text
        process.kill()
        wait_until(lambda: not answers(f"{_site(printed)}healthz"), seconds=10)


def live_through_a_ticket(desk):
    """A visitor's ticket is solved, asked about, answered, and tagged."""
    created = requests.post(f"{desk}/create", timeout=10).text
    number = re.search(r"wrote ticket (\d+)", created)[1]
    requests.post(f"{desk}/solve/{number}", timeout=10)

    def ticks_until(pattern):
        wait_until(lambda: re.search(pattern, tick()), seconds=30)
        return re.search(pattern, tick())

    def tick():
        return requests.post(f"{desk}/tick", timeout=30).text

    mail = ticks_until(rf'href="(/mails/\d+)"[^>]*>[^<]*{number}')[1]
    text = requests.get(desk.replace("/zendesk", mail), timeout=5).text
    link = html.unescape(re.search(r'href="([^"]+rating=5[^"]*)"', text)[1])
    requests.post(link, data={"rating": "2", "comment": "slow"}, timeout=10).raise_for_status()
    ticks_until(rf'id="t{number}".*?csat_2</span> .*?slow.*?</li>'.replace(".*?", r"[\s\S]*?"))


def _site(printed: dict[str, str]) -> str:
    link = next(address for label, address in printed.items() if label.startswith("Survey"))
    return link.partition("?")[0]
