"""`wsgi:application` under a WSGI server that is not ours: the standard library's."""

import threading
from importlib import import_module
from wsgiref.simple_server import WSGIRequestHandler, make_server

import requests

from survey.store.database import Database
from tests.support.command import run_csat
from tests.support.pages import LINK
from tests.support.settings import SECRET_KEY


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


def test_another_server_answers_by_it(tmp_path, monkeypatch):
    monkeypatch.setenv("CSAT_SECRET_KEY", SECRET_KEY)
    address = f"sqlite:///{tmp_path}/csat.db"
    monkeypatch.setenv("CSAT_DATABASE_URL", address)
    assert run_csat("db", "upgrade", CSAT_DATABASE_URL=address).returncode == 0
    # As servers do: by its name in the module.
    application = import_module("wsgi").application
    with make_server("127.0.0.1", 0, application, handler_class=Quiet) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        page = requests.get(url, params=LINK, timeout=10)
        sent = requests.post(
            url, params=LINK, data={"rating": "5"}, allow_redirects=False, timeout=10
        )
        thanks = requests.get(url + sent.headers["Location"], timeout=10)
        ready = requests.get(f"{url}/readyz", timeout=10)
        server.shutdown()
    assert [page.status_code, sent.status_code, thanks.status_code] == [200, 303, 200]
    assert ready.text == "ready\n"
    database = Database(address)
    with database.reading() as connection:
        assert connection.exec_driver_sql("SELECT rating FROM responses").scalar() == 5
    database.close()
