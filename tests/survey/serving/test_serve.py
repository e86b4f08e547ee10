"""`csat serve` as a process tree: it starts ready, stops cleanly, and dies whole."""

import os
import signal
from functools import partial

import pytest
import requests

from survey.serving.supervisor import CannotListen, bind
from tests.support.command import run_csat
from tests.support.pages import LINK
from tests.support.raw_http import many_clients, seconds_of
from tests.support.settings import SECRET_KEY
from tests.support.site import answers, is_alive, running_site, wait_until


def test_a_fresh_start_makes_the_database_and_is_ready(tmp_path):
    with running_site(tmp_path) as site:
        assert requests.get(f"{site.url}/readyz", timeout=5).text == "ready\n"
        sent = requests.post(
            site.url, params=LINK, data={"rating": "5"}, allow_redirects=False, timeout=5
        )
        assert sent.status_code == 303
    assert (tmp_path / "csat.db").is_file()


def test_without_a_key_the_start_says_that_events_wait(tmp_path):
    with running_site(tmp_path):
        log = (tmp_path / "serve.log").read_text()
    assert "CSAT_POSTHOG_KEY is not set" in log


def test_a_second_server_on_the_port_is_refused(tmp_path):
    with running_site(tmp_path) as site:
        port = site.url.rpartition(":")[2]
        second = run_csat(
            "serve",
            "--port",
            port,
            CSAT_SECRET_KEY=SECRET_KEY,
            CSAT_DATABASE_URL=f"sqlite:///{tmp_path}/csat.db",
        )
        assert second.returncode == 1
        assert f"cannot listen on 127.0.0.1:{port}" in second.stderr
        assert "Traceback" not in second.stderr


def test_when_the_supervisor_is_killed_everything_it_started_dies(tmp_path):
    settings = {"CSAT_POSTHOG_KEY": "phc_x", "CSAT_POSTHOG_HOST": "http://127.0.0.1:9"}
    with running_site(tmp_path, "--workers", "2", tick=True, **settings) as site:
        children = site.children()
        assert len(children) == 4  # two site workers, delivery and tick
        os.kill(site.process.pid, signal.SIGKILL)
        wait_until(lambda: not any(map(is_alive, children)), seconds=5)
        assert not answers(f"{site.url}/healthz")
        bind("127.0.0.1", int(site.url.rpartition(":")[2])).close()


def test_files_of_the_current_folder_are_not_taken_for_modules(tmp_path, monkeypatch):
    (tmp_path / "wsgi.py").write_text("raise SystemExit('not ours')")
    monkeypatch.chdir(tmp_path)
    with running_site(tmp_path) as site:
        assert answers(f"{site.url}/readyz")


def test_a_worker_that_dies_is_started_anew(tmp_path):
    with running_site(tmp_path) as site:
        (worker,) = site.children()
        os.kill(worker, signal.SIGKILL)
        wait_until(lambda: site.children() not in ([], [worker]))
        wait_until(lambda: answers(f"{site.url}/readyz"))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopping_is_clean_and_quiet(tmp_path, number):
    with running_site(tmp_path) as site:
        children = site.children()
        os.kill(site.process.pid, number)
        assert site.process.wait(20) == 0
        assert not any(map(is_alive, children))
    assert "Traceback" not in (tmp_path / "serve.log").read_text()


def test_a_chunked_body_over_256_kb_is_refused(tmp_path):
    def body():
        for _ in range(300):
            yield b"x" * 1024

    with running_site(tmp_path) as site:
        sent = requests.post(site.url, params=LINK, data=body(), timeout=10)
    assert sent.status_code == 413


def test_a_thousand_slow_clients_keep_no_customer_waiting(tmp_path):
    half_a_form = b"POST /?ticketId=1 HTTP/1.1\r\nContent-Length: 1000\r\n\r\nrating=5"
    with running_site(tmp_path, "--no-deliver") as site:
        address = ("127.0.0.1", int(site.url.rpartition(":")[2]))

        def answer(ticket):
            link = {**LINK, "ticketId": ticket}
            sent = requests.post(
                site.url, params=link, data={"rating": "5"}, allow_redirects=False, timeout=10
            )
            assert sent.status_code == 303

        with many_clients(address, 500, half_a_form), many_clients(address, 500, b""):
            times = sorted(seconds_of(partial(answer, f"T{n}")) for n in range(30))
            assert times[15] < 0.2
            assert times[-1] < 2
            assert answers(f"{site.url}/readyz")


@pytest.mark.parametrize(
    ("host", "port", "advice"),
    [
        ("127.0.0.1", 99_999, "--port"),
        ("nowhere.invalid", 8000, "No such host is known here"),
        ("a..b", 8000, "No such host is known here"),
        ("192.0.2.1", 8000, "not this machine's"),
        ("::ffff", 8000, "--host"),
    ],
)
def test_an_address_that_cannot_be_bound_is_named_with_what_to_do(host, port, advice):
    with pytest.raises(CannotListen, match=f"cannot listen on {host}:{port}") as refusal:
        bind(host, port)
    assert advice in str(refusal.value)
    assert "listens there" not in str(refusal.value)


def test_a_port_in_use_is_said_to_be_so():
    told = pytest.raises(CannotListen, match="Stop what listens there")
    with bind("127.0.0.1", 0) as listener, told:
        bind("127.0.0.1", listener.getsockname()[1])
