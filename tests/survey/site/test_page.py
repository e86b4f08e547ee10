"""GET /: the page that a link opens. Looking records nothing."""

import base64
import hashlib
import re

import pytest
from sqlalchemy import text

from survey.links import parse_link, sign_link
from survey.site.app import create_app
from tests.conftest import on_sqlite
from tests.support.pages import Page, address
from tests.support.settings import make_settings

# What a page says does not depend on the database.
pytestmark = on_sqlite

# The mouth of the hedgehog.
SMILE = "M22 71c4 1 7 0 10-3"


def stored(database):
    with database.reading() as connection:
        return connection.scalar(text("select count(*) from answers"))


def test_the_page_has_five_radios_a_comment_and_a_submit_id(client):
    response = client.get(address())
    page = Page(response.text)
    assert response.status_code == 200
    assert page.radios == ["1", "2", "3", "4", "5"]
    assert page.checked is None
    assert page.fields["comment"] == ""
    assert len(page.fields["submit_id"]) == 36
    assert page.action == address(lang="en")


def test_every_face_has_its_words(client):
    page = Page(client.get(address()).text)
    for words in ("Very dissatisfied", "Dissatisfied", "Neutral", "Satisfied", "Very satisfied"):
        assert words in page.text


@pytest.mark.parametrize(
    ("parameters", "face"),
    [
        ({"rating": "4"}, "4"),
        ({"satisfaction": "0"}, "1"),
        ({"satisfaction": "4"}, "5"),
        ({"rating": "2", "satisfaction": "4"}, "2"),
        ({"rating": " ", "satisfaction": "4"}, "5"),
        ({"rating": "0"}, None),
        ({"rating": "6"}, None),
        ({"rating": "good"}, None),
        ({"satisfaction": "5"}, None),
        ({"satisfaction": "-1"}, None),
    ],
)
def test_a_rating_in_the_link_preselects_its_face(client, parameters, face):
    assert Page(client.get(address(**parameters)).text).checked == face


@pytest.mark.parametrize("purpose", [None, "prefetch", "prefetch;prerender"])
@pytest.mark.parametrize("method", ["get", "head", "options"])
def test_looking_records_nothing(client, database, method, purpose):
    headers = {"Sec-Purpose": purpose, "Purpose": "prefetch"} if purpose else {}
    for path in ("/", "/thanks"):
        url = path + address(rating="5", comment="hello", submit_id="x", language="de")[1:]
        getattr(client, method)(url, headers=headers, data={"rating": "5"})
    assert stored(database) == 0


def test_the_headers_keep_the_page_to_itself(client):
    headers = client.get(address()).headers
    assert headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in headers
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "http" not in headers["Content-Security-Policy"]
    assert "'unsafe-inline'" not in headers["Content-Security-Policy"]


def test_the_page_fetches_nothing(client):
    html = client.get(address()).text
    assert "src=" not in html
    assert "@import" not in html
    assert "url(" not in html
    assert '<link rel="icon" href="data:,">' in html


def test_the_page_may_run_and_tell_what_stands_in_it_and_nothing_else(client):
    response = client.get(address())
    policy = response.headers["Content-Security-Policy"]
    (script,) = re.findall("<script[^>]*>(.*?)</script>", response.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in policy
    assert "connect-src 'self';" in policy


def test_parameters_of_mail_trackers_are_ignored(client):
    response = client.get(address(utm_source="mail", fbclid="x" * 4000))
    assert response.status_code == 200
    assert "utm_source" not in Page(response.text).action


def test_links_of_the_predecessor_open_the_page(client):
    response = client.get("/?userId=jane&ticket_id=42&ticketTeam=Web+analytics&satisfaction=3")
    assert Page(response.text).checked == "4"


def test_a_settings_line_says_what_happens_with_the_answer(database):
    settings = make_settings(
        privacy_url="https://example.com/privacy", support_url="mailto:help@example.com"
    )
    page = Page(create_app(settings, database).test_client().get(address()).text)
    assert page.links == ["https://example.com/privacy", "mailto:help@example.com"]


def test_the_page_is_in_the_name_colours_and_words_of_its_settings(database):
    settings = make_settings(
        name="Ada & Co", accent="#00509d", accent_dark="#99ccff", thanks_text="Merci.|fr=Merci !"
    )
    client = create_app(settings, database).test_client()
    html = client.get(address()).text
    assert "Ada &amp; Co</header>" in html
    assert html.index("--accent:#00509d") < html.index("--accent:#99ccff")
    thanks = client.get(client.post(address(), data={"rating": "5"}).location).text
    assert "<p>Merci.</p>" in thanks
    german = client.get(client.post(address(lang="de"), data={"rating": "5"}).location).text
    assert "Merci" not in german


def test_the_form_says_that_an_answer_feeds_a_hedgehog(client):
    form = client.get(address()).text.partition("<form id")[2].partition("</form>")[0]
    assert "We feed a hedgehog for every ticket that gets an answer" in form


class TestThanks:
    def thanks(self, database, rating, **settings):
        configured = make_settings(**{"support_url": "https://help.example.com", **settings})
        client = create_app(configured, database).test_client()
        return client.get(client.post(address(), data={"rating": rating}).location).text

    @pytest.mark.parametrize("rating", ["1", "2"])
    def test_the_unhappy_get_help_first_and_no_grin(self, database, rating):
        html = self.thanks(database, rating)
        text = Page(html).text
        assert text.index("Still stuck?") < text.index("Get in touch") < text.index("Your answer:")
        assert text.count("Get in touch") == 1
        assert "apple" not in html.partition("</style>")[2]
        assert SMILE not in html
        assert "data-confetti" not in html

    @pytest.mark.parametrize("rating", ["3", "4", "5"])
    def test_the_others_get_a_hedgehog_that_smiles(self, database, rating):
        html = self.thanks(database, rating)
        assert SMILE in html
        assert "Still stuck?" not in html
        assert Page(html).text.count("Get in touch") == 1

    def test_without_an_address_nothing_is_offered(self, database):
        html = self.thanks(database, "1", support_url=None)
        assert "Still stuck?" not in html
        assert SMILE not in html


def test_the_style_sheet_is_the_one_that_the_policy_allows(client):
    response = client.get(address())
    style = response.text.partition("<style>")[2].partition("</style>")[0]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in response.headers["Content-Security-Policy"]
    assert "@" not in style.replace("@media", "").replace("@keyframes", "")


class TestSignedLinks:
    @pytest.fixture
    def signed_client(self, database):
        settings = make_settings(link_secret="new,old", require_signed_links=True)
        return create_app(settings, database).test_client()

    @pytest.mark.parametrize("secret", ["new", "old"])
    def test_every_secret_verifies(self, signed_client, secret):
        link = parse_link({"distinct_id": "jane", "ticketId": "42", "team": "web_analytics"})
        response = signed_client.get(address(sig=sign_link(link, secret), rating="3"))
        assert response.status_code == 200

    @pytest.mark.parametrize("signature", ["", "0" * 64, "é"])
    def test_a_wrong_or_missing_signature_is_refused(self, signed_client, database, signature):
        response = signed_client.get(address(sig=signature))
        posted = signed_client.post(address(sig=signature), data={"rating": "5"})
        assert (response.status_code, posted.status_code) == (403, 403)
        assert stored(database) == 0

    def test_a_signature_does_not_carry_over_to_another_ticket(self, signed_client):
        link = parse_link({"distinct_id": "jane", "ticketId": "42", "team": "web_analytics"})
        signature = sign_link(link, "new")
        assert signed_client.get(address(sig=signature, ticketId="43")).status_code == 403
