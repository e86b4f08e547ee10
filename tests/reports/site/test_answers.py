"""What every answer of the site has: its headers, its size, and a friendly page for each error."""

import gzip
import sqlite3

import pytest

from reports.site.roles import allow_everybody, allow_signed_in
from survey.request_ids import ENVIRON_KEY
from survey.store.database import Database
from tests.support.headers import faults
from tests.support.reports_site import Person, make_site
from tests.support.settings import make_settings

PROVIDER = {
    "oidc_issuer": "http://127.0.0.1:9",
    "oidc_client_id": "csat",
    "oidc_client_secret": "secret",
}


def every_answer(site, person):
    """An answer of every route by every method, those of errors too."""
    paths = [rule.rule for rule in site.url_map.iter_rules()] + ["/reports/none", "/"]
    for path in paths:
        for method in ("GET", "HEAD", "POST", "OPTIONS", "DELETE"):
            yield f"{method} {path}", person.client.open(path, method=method)


@pytest.mark.parametrize("name", [None, "lea", "ada"])
def test_every_answer_has_the_headers(database_url, database, clock, name):
    site = make_site(make_settings(database_url=database_url, **PROVIDER), database, clock)
    site.add_url_rule("/reports/broken", "broken", allow_everybody(lambda: 1 / 0))
    person = Person(site.test_client())
    if name:
        person.sign_in(name)
    statuses = set()
    for what, answer in every_answer(site, person):
        statuses.add(answer.status_code)
        assert faults(answer.headers.items()) == [], what
        policy = answer.headers["Content-Security-Policy"]
        assert "style-src 'self'" in policy, what
        assert "script" not in policy, what
        caching = answer.headers["Cache-Control"]
        assert caching == "no-store" or "site.css" in what, what
        assert "Traceback" not in answer.text, what
    assert {200, 400, 404, 405, 500, 503} <= statuses


def test_no_page_has_a_script_or_a_style_of_its_own(person):
    person.sign_in("ada")
    for path in ("/reports/", "/reports/login", "/reports/audit", "/reports/account", "/reports/x"):
        page = person.client.get(path, follow_redirects=True).text.lower()
        assert "<script" not in page
        assert "style=" not in page
        assert "<style" not in page
        assert " on" not in page.partition("<main")[0]


class TestStyleSheet:
    def test_is_kept_by_browsers_under_an_address_of_its_own(self, person):
        page = person.client.get("/reports/login").text
        address = page.partition('rel="stylesheet" href="')[2].partition('"')[0]
        answer = person.client.get(address)
        assert answer.mimetype == "text/css"
        assert "immutable" in answer.headers["Cache-Control"]
        again = person.client.get(address, headers={"If-None-Match": answer.headers["ETag"]})
        assert (again.status_code, again.data) == (304, b"")

    def test_has_the_colours_of_the_report(self, person):
        style = person.client.get("/reports/static/site.css").text
        assert "--accent:#b4530a" in style
        assert "@media screen and (prefers-color-scheme:dark)" in style


class TestCompression:
    def test_a_page_is_compressed_for_who_accepts_it(self, person):
        environ = {ENVIRON_KEY: "the same on both"}
        packing = {"Accept-Encoding": "gzip"}
        plain = person.client.get("/reports/none", environ_overrides=environ)
        packed = person.client.get("/reports/none", environ_overrides=environ, headers=packing)
        assert packed.headers["Content-Encoding"] == "gzip"
        assert gzip.decompress(packed.data) == plain.data
        assert "Content-Encoding" not in plain.headers
        for answer in (plain, packed):
            assert "Accept-Encoding" in answer.vary

    def test_the_token_of_a_form_differs_from_second_to_second(self, person, monkeypatch):
        """What compresses with it cannot be guessed piece by piece."""
        import itsdangerous.timed

        signatures = set()
        for second in (1_790_000_000, 1_790_000_001):
            monkeypatch.setattr(itsdangerous.timed.time, "time", lambda now=second: now)
            page = person.client.get("/reports/login").text
            token = page.partition('csrf_token" value="')[2].partition('"')[0]
            signatures.add(token.rpartition(".")[2])
        assert len(signatures) == 2

    def test_nothing_but_text_is_compressed(self, site, person):
        site.add_url_rule("/reports/file", "file", allow_everybody(lambda: (b"a" * 5000, FILE)))
        answer = person.client.get("/reports/file", headers={"Accept-Encoding": "gzip"})
        assert answer.data == b"a" * 5000


FILE = {"Content-Type": "application/octet-stream"}


class TestErrors:
    def test_a_page_that_is_not_there(self, person):
        answer = person.client.get("/reports/none")
        assert (answer.status_code, "There is nothing here" in answer.text) == (404, True)
        assert 'href="/reports/login"' in answer.text

    def test_has_the_navigation_for_who_is_signed_in(self, person):
        person.sign_in("lea")
        assert 'href="/reports/account"' in person.client.get("/reports/none").text

    def test_a_method_that_no_page_has(self, person):
        assert person.client.get("/reports/logout").status_code == 405

    def test_a_form_that_is_too_long(self, person):
        answer = person.client.post("/reports/login", data={"username": "x" * 70_000})
        assert (answer.status_code, "That is too much" in answer.text) == (413, True)

    def test_a_mistake_of_ours_shows_nothing_of_us(self, site, person):
        site.add_url_rule("/reports/broken", "broken", allow_everybody(lambda: {}["secret word"]))
        answer = person.client.get("/reports/broken")
        assert (answer.status_code, "went wrong on our side" in answer.text) == (500, True)
        assert "secret word" not in answer.text

    @pytest.mark.parametrize("path", ["/reports/", "/reports/login", "/reports/audit"])
    def test_a_database_that_is_away(self, person, tmp_path, path):
        person.sign_in("ada")
        with sqlite3.connect(tmp_path / "csat.db") as connection:
            connection.execute("ALTER TABLE users RENAME TO elsewhere")
        connection.close()
        answer = person.client.get(path)
        assert (answer.status_code, "cannot be reached right now" in answer.text) == (503, True)
        assert "users" not in answer.text

    @pytest.mark.parametrize("query", ["a=\xff\xfe", "q=\u00e9", "next=\x00", "before=%ff", "%"])
    def test_an_address_that_is_no_text(self, person, query):
        person.sign_in("lea")
        for path in ("/reports/", "/reports/login", "/reports/none"):
            answer = person.client.get(path, environ_overrides={"QUERY_STRING": query})
            assert answer.status_code in (200, 303, 404)

    @pytest.mark.parametrize("host", ["9" * 400, "a..b"])
    def test_a_host_that_cannot_be_one(self, person, host):
        for path in ("/reports/", "/reports/none"):
            answer = person.client.get(path, environ_overrides={"HTTP_HOST": host})
            assert (answer.status_code, "/reports/login" in answer.text) == (400, True)

    def test_a_view_that_fails_in_the_database_is_no_mistake_of_ours(self, site, person):
        def fail():
            with Database("sqlite:////nowhere/at/all.db").reading():
                raise AssertionError

        site.add_url_rule("/reports/fail", "fail", allow_signed_in(fail))
        person.sign_in("lea")
        assert person.client.get("/reports/fail").status_code == 503
