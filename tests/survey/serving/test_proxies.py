"""Who the client is, behind proxies that the operator trusts, and behind none."""

import pytest
from flask import Flask, request

from survey.serving.proxies import trust_proxies


def asking(count):
    """A client of a site that trusts so many proxies, and answers with what it knows of it."""
    site = Flask("site")
    site.add_url_rule("/", "show", lambda: f"{request.scheme} {request.host} {request.remote_addr}")
    trust_proxies(site, count)
    client = site.test_client()

    def ask(**headers):
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return client.get("/", headers=given, environ_overrides={"REMOTE_ADDR": "10.0.0.1"}).text

    return ask


FORGED = {
    "X_Forwarded_For": "198.51.100.1, 192.0.2.1",
    "X_Forwarded_Proto": "http, https",
    "X_Forwarded_Host": "evil.example",
    "X_Forwarded_Prefix": "/evil",
}


def test_without_proxies_nobody_is_believed():
    assert asking(0)(**FORGED) == "http localhost 10.0.0.1"


def test_one_proxy_is_believed_and_not_its_client():
    assert asking(1)(**FORGED) == "https localhost 192.0.2.1"


def test_two_proxies_are_believed():
    assert asking(2)(**FORGED) == "http localhost 198.51.100.1"


@pytest.mark.parametrize("count", [1, 2])
def test_a_request_past_the_proxies_comes_from_where_it_comes_from(count):
    assert asking(count)() == "http localhost 10.0.0.1"


def test_a_proxy_that_the_settings_do_not_know_is_told_of_once(capsys):
    ask = asking(0)
    ask()
    assert "CSAT_TRUSTED_PROXIES" not in "".join(capsys.readouterr())
    ask(X_Forwarded_For="192.0.2.1")
    ask(X_Forwarded_For="192.0.2.1")
    told = "".join(capsys.readouterr())
    assert told.count("CSAT_TRUSTED_PROXIES is 0") == 1
    assert "192.0.2.1" not in told
