"""Ids of requests: given once, or taken from a proxy of our own, and told to whoever asks."""

import re

import pytest

from survey.request_ids import (
    ENVIRON_KEY,
    Identified,
    answering,
    choose_request_id,
    current_request_id,
    make_request_id,
)
from survey.site.app import create_app
from tests.support.pages import address
from tests.support.settings import make_settings

GIVEN = "0123456789abcdef0123456789ABCDEF"


def test_each_is_new():
    made = {make_request_id() for _ in range(100)}
    assert len(made) == 100
    assert all(re.fullmatch("[0-9a-f]{16}", each) for each in made)


@pytest.mark.parametrize("given", [GIVEN, "a5d0c9e7-1f4e-4b8e-9d56-0f1f6a6b7c8d", 64 * "a"])
def test_that_of_a_trusted_proxy_is_kept(given):
    assert choose_request_id(given, is_trusted=True) == given
    assert choose_request_id(given, is_trusted=False) != given


@pytest.mark.parametrize(
    "given",
    [None, "", "abc", 65 * "a", "jane@example.com-0123456789", "0123456789abcdef\n", "-" * 20],
)
def test_what_is_no_id_is_replaced(given):
    assert choose_request_id(given, is_trusted=True) != given


def test_it_is_known_only_while_the_request_is_answered():
    told = []

    def application(_environ, start_response):
        told.append(current_request_id())
        start_response("200 OK", [("A", "b")])
        return []

    headers = []
    identified = Identified(application, is_behind_proxy=True)
    identified({"HTTP_X_REQUEST_ID": GIVEN}, lambda _status, found, _error: headers.extend(found))
    assert told == [GIVEN]
    assert headers == [("A", "b"), ("X-Request-ID", GIVEN)]
    assert current_request_id() is None
    with answering("a"), answering("b"):
        assert current_request_id() == "b"


@pytest.mark.parametrize(("proxies", "is_kept"), [(0, False), (1, True)])
def test_the_site_takes_it_only_behind_a_proxy(database_url, database, proxies, is_kept):
    settings = make_settings(database_url=database_url, trusted_proxies=proxies)
    client = create_app(settings, database).test_client()
    answer = client.get(address(), headers={"X-Request-ID": GIVEN})
    assert (answer.headers["X-Request-ID"] == GIVEN) is is_kept


def test_an_error_page_tells_it_in_each_language(client):
    for tag in ("en", "de", "fr", "es", "pt-BR", "ja", "ar"):
        page = client.get(f"/nothing?lang={tag}", environ_overrides={ENVIRON_KEY: "4f1d"})
        assert f'lang="{tag}"' in page.text
        assert '<code dir="ltr">4f1d</code>' in page.text
        assert ("please tell us this number" in page.text) is (tag == "en")
    assert "<code" not in client.get(address()).text
