"""The two sites under a WSGI server that is not ours: the standard library's."""

import threading
from contextlib import contextmanager
from importlib import import_module
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
import requests

from survey.store.database import Database
from tests.support.command import run_csat
from tests.support.pages import LINK
from tests.support.settings import SECRET_KEY


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def address(tmp_path, monkeypatch):
    """The address of an upgraded database, which the environment names."""
    monkeypatch.setenv("CSAT_SECRET_KEY", SECRET_KEY)
    address = f"sqlite:///{tmp_path}/csat.db"
    monkeypatch.setenv("CSAT_DATABASE_URL", address)
    assert run_csat("db", "upgrade", CSAT_DATABASE_URL=address).returncode == 0
    return address


@contextmanager
def served(name):
    """A site, found as servers do: by its name in the module; its address."""
    site = getattr(import_module("wsgi"), name)
    with make_server("127.0.0.1", 0, site, handler_class=Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_another_server_finds_the_survey(address):
    with served("application") as url:
        page = requests.get(url, params=LINK, timeout=10)
        sent = requests.post(
            url, params=LINK, data={"rating": "5"}, allow_redirects=False, timeout=10
        )
        thanks = requests.get(url + sent.headers["Location"], timeout=10)
        ready = requests.get(f"{url}/readyz", timeout=10)
        reports = requests.get(f"{url}/reports/", timeout=10)
    assert [page.status_code, sent.status_code, thanks.status_code] == [200, 303, 200]
    assert ready.text == "ready\n"
    assert reports.status_code == 404
    database = Database(address)
    with database.reading() as connection:
        assert connection.exec_driver_sql("SELECT rating FROM responses").scalar() == 5
    database.close()


@pytest.mark.usefixtures("address")
def test_another_server_finds_the_reports():
    with served("reports") as url:
        page = requests.get(f"{url}/reports/", allow_redirects=False, timeout=10)
    assert page.status_code == 303  # to the sign-in
