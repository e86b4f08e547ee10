"""The page in the customer's language."""

import pytest
from sqlalchemy import text

from survey.languages import LANGUAGES
from survey.outbox_payloads import unpack_event
from survey.site.app import create_app
from survey.texts import face_labels, questions_in
from tests.conftest import on_sqlite
from tests.support.pages import Page, address
from tests.support.settings import make_settings

# What a page says does not depend on the database.
pytestmark = on_sqlite

each_language = pytest.mark.parametrize("language", LANGUAGES, ids=lambda each: each.tag)


def events(database):
    with database.reading() as connection:
        return [unpack_event(row) for row in connection.scalars(text("select payload from outbox"))]


@each_language
def test_a_link_can_name_its_language(client, language):
    html = client.get(address(lang=language.tag)).text
    assert f'<html lang="{language.tag}" dir="{language.direction}">' in html
    page = Page(html)
    for words in face_labels(language).values():
        assert words in page.text


@pytest.mark.parametrize(
    ("lang", "accept", "shown"),
    [
        (None, "de-CH,de;q=0.9,en;q=0.8", "de"),
        (None, "nl,fr;q=0.5,de;q=0.7", "de"),
        (None, "de;q=0,fr;q=0.1", "fr"),
        (None, "tlh", "en"),
        (None, ";;=,\x7f", "en"),
        (None, "", "en"),
        ("ja", "de", "ja"),
        ("<script>", "de", "de"),
    ],
)
def test_else_it_is_the_browsers_else_english(client, lang, accept, shown):
    url = address(lang=lang) if lang else address()
    page = Page(client.get(url, headers={"Accept-Language": accept}).text)
    assert page.language == shown


def test_the_event_says_what_this_customer_was_asked(database, settings):
    settings = make_settings(rating_question="Happy?|fr=Content ?")
    client = create_app(settings, database).test_client()
    page = Page(client.get(address(lang="fr")).text)
    assert "Content ?" in page.text
    # The form carries its language, whatever the browser asks for by then.
    sent = client.post(page.action, data={"rating": "4"}, headers={"Accept-Language": "ja"})
    assert sent.status_code == 303
    (event,) = events(database)
    french = next(each for each in LANGUAGES if each.tag == "fr")
    properties = event["properties"]
    assert properties["$survey_language"] == "fr"
    assert properties["$survey_question"] == "Content ?"
    assert [each["question"] for each in properties["$survey_questions"]] == [
        "Content ?",
        questions_in(french, settings).comment,
    ]
    assert Page(client.get(sent.location).text).language == "fr"


@pytest.mark.parametrize("lang", ["xx", "", "de" * 90, "../../etc", "é"])
def test_a_made_up_language_is_english_and_does_no_harm(client, database, lang):
    assert client.post(address(lang=lang), data={"rating": "4"}).status_code == 303
    assert events(database)[0]["properties"]["$survey_language"] == "en"


def test_another_language_keeps_what_was_filled_in_and_records_nothing(client, database):
    page = Page(client.get(address(initialTargetArea="login")).text)
    form = {**page.fields, "rating": "2", "comment": "bien & vite", "language": "fr"}
    french = client.post(page.action, data=form)
    assert french.status_code == 200
    page = Page(french.text)
    assert page.language == "fr"
    assert (page.checked, page.fields["comment"]) == ("2", "bien & vite")
    assert page.fields["submit_id"] == form["submit_id"]
    assert page.action == address(lang="fr", initialTargetArea="login")
    assert not events(database)
    client.post(page.action, data={**page.fields, "rating": "2"})
    assert events(database)[0]["properties"]["$survey_language"] == "fr"


def test_another_language_needs_no_rating(client):
    page = Page(client.post(address(), data={"language": "ja"}).text)
    assert page.language == "ja"
    assert "お選びください" not in page.text


def test_every_page_offers_every_language(client):
    sent = client.post(address(), data={"rating": "4"})
    for url in (address(), sent.location, "/", "/nothing", address(ticketId="\x01")):
        html = client.get(url).text
        for language in LANGUAGES:
            assert f'value="{language.tag}" lang="{language.tag}"' in html


def test_a_page_in_another_language_keeps_its_link(client):
    sent = client.post(address(team="a&b"), data={"rating": "4"})
    html = client.get(sent.location).text
    for hidden in (
        '<input type="hidden" name="ticketId" value="42">',
        '<input type="hidden" name="team" value="a&amp;b">',
        '<input type="hidden" name="answer" value="',
    ):
        assert hidden in html


@each_language
def test_errors_speak_it_too(client, language):
    english = [client.get(url).text for url in ("/?lang=en", "/nothing?lang=en")]
    theirs = [client.get(f"{url}?lang={language.tag}").text for url in ("/", "/nothing")]
    for ours, theirs_ in zip(english, theirs, strict=True):
        assert Page(theirs_).language == language.tag
        title = ours.partition("<h1>")[2].partition("</h1>")[0]
        assert (title in theirs_) == (language.tag == "en")
