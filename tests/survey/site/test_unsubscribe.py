"""`/unsubscribe`: a button for people, one click for mail programs, and nothing by a GET."""

import pytest

from survey.invitations.tokens import issue_token
from survey.languages import LANGUAGES
from survey.site.app import create_app
from survey.store.errors import StoreError
from survey.store.inviting import find_unsubscribed
from tests.conftest import on_sqlite
from tests.support.pages import Page
from tests.support.settings import SECRET_KEY

CUSTOMER = "c0ffee" * 10
TOKEN = issue_token(CUSTOMER, SECRET_KEY)
ADDRESS = f"/unsubscribe?token={TOKEN}&lang=de"


def is_unsubscribed(database):
    with database.reading() as connection:
        return CUSTOMER in find_unsubscribed(connection, [CUSTOMER])


def test_a_visit_shows_a_button_and_changes_nothing(client, database):
    page = Page(client.get(ADDRESS).text)
    assert client.head(ADDRESS).status_code == 200
    assert "Keine dieser E-Mails mehr?" in page.text
    assert page.language == "de"
    assert not is_unsubscribed(database)


def test_the_button_unsubscribes_and_says_so(client, database):
    page = Page(client.get(ADDRESS).text)
    for _ in range(2):
        answer = client.post(page.action, data=page.fields)
        assert answer.status_code == 200
        assert "Sie erhalten keine dieser E-Mails mehr" in Page(answer.text).text
    assert is_unsubscribed(database)
    # Whoever comes back sees that it is done.
    assert "Sie erhalten keine dieser E-Mails mehr" in Page(client.get(ADDRESS).text).text


def test_a_mail_program_unsubscribes_by_one_click(client, database):
    """RFC 8058: a POST to the address of the header, without cookies or a page before."""
    answer = client.post(ADDRESS, data={"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert is_unsubscribed(database)


@on_sqlite
@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("query", ["", "?token=", f"?token={TOKEN}x", f"?token={CUSTOMER}"])
def test_a_token_that_is_not_ours_is_refused_kindly(client, database, method, query):
    answer = getattr(client, method)(f"/unsubscribe{query}")
    assert answer.status_code == 400
    assert "Please open the link at the end of our e-mail again" in answer.text
    assert not is_unsubscribed(database)


@on_sqlite
@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.tag)
def test_it_speaks_the_language_of_the_customer(client, language):
    page = Page(client.get(f"/unsubscribe?token={TOKEN}&lang={language.tag}").text)
    assert page.language == language.tag
    is_english = "No more of these e-mails?" in page.text
    assert is_english == (language.tag == "en")


@on_sqlite
def test_another_language_keeps_the_token(client):
    html = client.get(ADDRESS).text
    assert f'<input type="hidden" name="token" value="{TOKEN}">' in html


@on_sqlite
def test_while_nothing_can_be_stored_it_says_so(settings, database, clock, monkeypatch):
    client = create_app(settings, database, clock).test_client()

    def fail(*_):
        raise StoreError("the database cannot be used")

    for name in ("reading", "writing"):
        monkeypatch.setattr(database, name, fail)
    assert client.get(ADDRESS).status_code == 200
    answer = client.post(ADDRESS)
    assert answer.status_code == 503
    assert "Sie konnten gerade nicht abgemeldet werden" in answer.text


@on_sqlite
def test_the_page_has_the_headers_of_every_page(client):
    headers = client.get(ADDRESS).headers
    assert headers["Cache-Control"] == "no-store"
    assert "form-action 'self'" in headers["Content-Security-Policy"]
    assert "Set-Cookie" not in headers
