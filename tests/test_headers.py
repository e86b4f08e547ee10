"""Every answer of every route of both sites has the headers, whoever refuses the request: a view,
the site, the server before it, or the server of the reports behind it."""

import re
import threading
from contextlib import contextmanager

import pytest
import requests

from reports.site.roles import allow_everybody
from survey.serving.supervisor import bind_unix
from survey.serving.worker import forward_reports, serve_reports
from survey.site.app import create_app
from survey.store.errors import StoreError
from tests.conftest import on_sqlite
from tests.support.browser import served
from tests.support.headers import faults
from tests.support.pages import LINK
from tests.support.raw_http import Client
from tests.support.reports_site import make_site
from tests.support.settings import make_settings

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
TOKEN = "a token for the figures"

pytestmark = on_sqlite


def paths_of(*sites):
    """A path of every route, with something for what is variable in it, and paths of none."""
    rules = [rule.rule for site in sites for rule in site.url_map.iter_rules()]
    return [re.sub("<[^>]*>", "2026-10", rule) for rule in rules] + ["/none", "/reports/none"]


@contextmanager
def serving_reports(site, path):
    server = serve_reports(site, bind_unix(path), site.page_headers)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield
    server.stop()
    thread.join(20)


@pytest.fixture(params=["http://127.0.0.1:8000", "https://csat.example.com"])
def has_tls(request):
    return request.param.startswith("https")


@pytest.fixture
def settings(database_url, has_tls):
    return make_settings(
        database_url=database_url,
        base_url="https://csat.example.com" if has_tls else "http://127.0.0.1:8000",
        metrics_token=TOKEN,
        zendesk_webhook_secret="a secret of the webhook",
        oidc_issuer="http://127.0.0.1:9",
        oidc_client_id="csat",
        oidc_client_secret="secret",
    )


@pytest.fixture
def sites(settings, database, clock):
    """Both sites, each with a view that fails in our code, and one that fails in the store."""

    def away():
        raise StoreError("the database is away, for a test")

    survey = create_app(settings, database, clock)
    reports = make_site(settings, database, clock)
    for site, place in ((survey, ""), (reports, "/reports")):
        site.add_url_rule(f"{place}/broken", "broken", allow_everybody(lambda: 1 / 0))
        site.add_url_rule(f"{place}/away", "away", allow_everybody(away))
    return survey, reports


@pytest.fixture
def address(sites, tmp_path):
    """Both sites behind one port, as `csat serve` puts them together."""
    survey, reports = sites
    paths = paths_of(survey, reports)
    socket_path = str(tmp_path / "reports.sock")
    with serving_reports(reports, socket_path):
        forward_reports(survey, socket_path)
        with served(survey) as url:
            yield url, paths


def test_every_answer_of_every_route_by_every_method(address, has_tls):
    url, paths = address
    statuses = set()
    with requests.Session() as session:
        for path in paths:
            for method in METHODS:
                answer = session.request(method, url + path, allow_redirects=False, timeout=30)
                statuses.add(answer.status_code)
                assert faults(answer.headers.items(), has_tls=has_tls) == [], (method, path)
        for path, given, status in (
            ("/", {"params": LINK}, 200),
            ("/metrics", {"headers": {"Authorization": f"Bearer {TOKEN}"}}, 200),
            ("/", {"params": {**LINK, "sig": "0" * 64}}, 200),
        ):
            answer = session.get(url + path, timeout=30, **given)
            assert answer.status_code == status
            assert faults(answer.headers.items(), has_tls=has_tls) == [], path
        sent = session.post(
            url, params=LINK, data={"rating": "5"}, allow_redirects=False, timeout=30
        )
        too_much = session.post(f"{url}/reports/login", data={"username": "x" * 70_000}, timeout=30)
        for answer, status in ((sent, 303), (too_much, 413)):
            assert answer.status_code == status
            assert faults(answer.headers.items(), has_tls=has_tls) == []
    assert {200, 303, 400, 401, 404, 405, 500, 503} <= statuses


REFUSED = {
    400: b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: x\r\n\r\n",
    413: b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n",
    417: b"POST / HTTP/1.1\r\nHost: a\r\nExpect: tea\r\nContent-Length: 1\r\n\r\n",
    431: b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
}


@pytest.mark.parametrize("status", REFUSED)
def test_what_the_server_refuses_before_the_site_sees_it(sites, has_tls, status):
    with served(sites[0]) as url:
        host, _, port = url.removeprefix("http://").partition(":")
        found, headers, _ = Client((host, int(port)), REFUSED[status]).receive()
    assert found == status
    assert faults(headers.items(), has_tls=has_tls) == []


def test_what_no_reports_worker_answers(sites, tmp_path, has_tls):
    forward_reports(sites[0], str(tmp_path / "nowhere"))
    with served(sites[0]) as url:
        answer = requests.get(f"{url}/reports/", timeout=30)
    assert answer.status_code == 503
    assert faults(answer.headers.items(), has_tls=has_tls) == []


def test_what_the_server_of_the_reports_refuses(sites, tmp_path, has_tls):
    """It takes larger bodies than the site's server, which sees them first."""
    survey, reports = sites
    path = str(tmp_path / "reports.sock")

    def broken(_environ, _start_response):
        raise ValueError("for a test")

    reports.wsgi_app = broken
    with serving_reports(reports, path):
        forward_reports(survey, path)
        with served(survey) as url:
            answer = requests.get(f"{url}/reports/", timeout=30)
    assert (answer.status_code, answer.text.startswith("The reports did not")) == (500, True)
    assert faults(answer.headers.items(), has_tls=has_tls) == []


def test_search_engines_may_see_that_they_must_list_nothing(client):
    answer = client.get("/robots.txt")
    assert answer.text.endswith("User-agent: *\nDisallow:\n")
    assert answer.mimetype == "text/plain"
