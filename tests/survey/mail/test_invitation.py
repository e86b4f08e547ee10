"""The invitation: the same links in every language, for every mail program."""

import re
from urllib.parse import quote

import pytest
from jinja2 import Environment

from survey.languages import ENGLISH, LANGUAGES, find_language
from survey.mail.hedgehog import draw_cells
from survey.mail.invitation import FACES, invite_to_ticket, render_mail
from survey.scale import LABELS
from tests.support.fonts import WIDTHS, use_font
from tests.support.mails import MailPage, links_of_text, open_link
from tests.support.settings import make_settings

TICKET = {"distinct_id": "jane", "ticketId": "42", "team": "Sales & CS"}
SETTINGS = make_settings(
    base_url="https://survey.example.com/csat",
    support_url="mailto:help@example.com",
    privacy_url="https://example.com/privacy?a=1&b=2",
    survey_name="Ünïcode & <friends>",
)


def make_mail(language=ENGLISH, settings=SETTINGS, **changed):
    return render_mail(
        invite_to_ticket({**TICKET, **changed}, language, settings), settings, language
    )


@pytest.fixture(params=LANGUAGES, ids=lambda language: language.tag)
def language(request):
    return request.param


def test_every_language_has_faces_a_link_and_where_to_turn(language):
    page = MailPage(make_mail(language).html)
    *faces, survey, support, privacy = page.links
    tail = f"distinct_id=jane&ticketId=42&team=Sales%20%26%20CS&lang={language.tag}"
    assert survey == f"https://survey.example.com/csat/?{tail}"
    assert faces == [f"{survey}&rating={rating}" for rating in range(1, 6)]
    assert support == "mailto:help@example.com"
    assert privacy == "https://example.com/privacy?a=1&b=2"
    assert all(face in page.text for face in FACES.values())
    assert "Ünïcode & <friends>" in page.text


def test_the_text_holds_the_same_links_in_the_same_order(language):
    mail = make_mail(language)
    assert links_of_text(mail.text) == MailPage(mail.html).links
    assert "<" not in mail.text.replace("<friends>", "")


def test_it_says_its_language_and_direction(language):
    mail = make_mail(language)
    says = f'lang="{language.tag}" dir="{language.direction}"'
    assert mail.html.startswith(f"<!doctype html>\n<html {says}>")
    assert f"{says} width=" in mail.body
    assert language.direction == ("rtl" if language.tag == "ar" else "ltr")


def test_it_is_small_needs_no_image_and_knows_dark_mode(language):
    mail = make_mail(language)
    assert len(mail.html.encode()) < 30_000
    assert all(image.get("alt") for image in MailPage(mail.html).images)
    assert "url(" not in mail.html
    assert '<meta name="color-scheme" content="light dark">' in mail.html
    assert "prefers-color-scheme: dark" in mail.html


def test_the_subject_is_one_line_with_the_ticket(language):
    mail = make_mail(language)
    assert "42" in mail.subject
    assert len(mail.subject) < 78
    assert "\n" not in mail.subject
    assert f"<title>{mail.subject}</title>" in mail.html


def test_the_body_alone_is_one_line_without_a_style_sheet(language):
    mail = make_mail(language)
    assert "\n" not in mail.body
    assert not re.search(r">\s+<", mail.body)
    assert "<style" not in mail.body
    assert MailPage(mail.body).links == MailPage(mail.html).links


@pytest.mark.parametrize(
    "ticket",
    [
        {},
        {"distinct_id": ""},
        {"distinct_id": "a b&c=d#é\"'<>%", "ticketId": "42 / 7", "team": "データ"},
        {"distinct_id": "🦔" * 50, "team": "x" * 200},
    ],
)
@pytest.mark.parametrize("secret", [None, "a secret"])
def test_the_site_accepts_every_link(database, ticket, secret):
    signed = {"link_secret": secret, "require_signed_links": True} if secret else {}
    settings = make_settings(**signed)
    links = MailPage(make_mail(find_language("ja"), settings, **ticket).html).links
    assert len(links) == 6
    for place, url in enumerate(links, start=1):
        link = open_link(url, settings, database)
        given = {**TICKET, **ticket}
        assert (link.distinct_id, link.raw_ticket, link.raw_team) == tuple(given.values())
        assert link.rating == (place if place < 6 else None)
        assert link.language == "ja"


def test_hostile_values_are_text():
    hostile = '"><script>alert(1)</script>'
    settings = SETTINGS.model_copy(update={"survey_name": hostile})
    mail = make_mail(settings=settings, ticketId=hostile, distinct_id=hostile)
    assert "<script" not in mail.html + mail.body
    assert quote(hostile, safe="") in mail.text
    assert f"support request {hostile} has been solved" in mail.text


def test_it_carries_the_name_the_colours_the_charity_and_a_hedgehog():
    settings = make_settings(
        name="Ada & Co",
        accent="#00509d",
        accent_dark="#99ccff",
        charity_name="Hedgehog & Friends",
        charity_url="https://charity.example",
    )
    mail = make_mail(settings=settings)
    for html in (mail.html, mail.body):
        page = MailPage(html)
        assert "Ada & Co" in page.text
        assert "They are fed by Hedgehog & Friends." in " ".join(page.text.split())
        assert "https://charity.example" in page.links
        assert "border-top:4px solid #00509d" in html
        assert html.count('bgcolor="#00509d"') > 10  # the spines
    assert ".link { color: #99ccff !important; }" in mail.html
    assert mail.text.startswith("Ada & Co\n")
    assert "They are fed by Hedgehog & Friends.\nhttps://charity.example\n" in mail.text
    assert links_of_text(mail.text) == MailPage(mail.html).links


def test_the_hedgehog_has_rows_of_one_width():
    rows = draw_cells()
    assert {sum(width for _, width in row) for row in rows} == {24}
    assert {kind for row in rows for kind, _ in row} == {"", "s", "f", "e"}


def test_without_addresses_in_the_settings_there_are_only_survey_links():
    assert len(MailPage(make_mail(settings=make_settings()).html).links) == 6


def test_the_words_of_the_faces_are_those_of_the_page():
    text = " ".join(MailPage(make_mail().html).text.split())
    assert all(label in text for label in LABELS.values())


def test_a_template_that_is_wrong_fails_instead_of_showing_nothing():
    from survey.mail.invitation import _environment

    environment: Environment = _environment(ENGLISH)
    with pytest.raises(Exception, match="undefined"):
        environment.from_string("{{ no_such_value }}").render()


# How wide the page needs to be, and where each face is: its link, and its cell of the table.
MEASURE_FACES = """() => {
  const boxes = selector => [...document.querySelectorAll(selector)].map(element => {
    const {y, width, height} = element.getBoundingClientRect();
    return {y, width, height};
  });
  const wide = document.documentElement.scrollWidth;
  return {wide, links: boxes('.face a'), cells: boxes('.face')};
}"""


@pytest.fixture(scope="module")
def window(browser):
    """A window for all of these mails: to open one takes longer than to measure a mail."""
    page = browser.new_page()
    yield page
    page.close()


class TestShown:
    """In Chromium, as mail programs show it."""

    @pytest.fixture
    def show(self, window):
        def show(html, width=390, color_scheme="light"):
            window.set_viewport_size({"width": width, "height": 700})
            window.emulate_media(color_scheme=color_scheme)
            window.set_content(html)
            return window

        return show

    def test_it_needs_no_scrolling_sideways_and_faces_are_easy_to_hit(self, show, language):
        page = show(make_mail(language).html)
        for font in WIDTHS:
            use_font(page, font)
            for width in (320, 360, 376, 390, 412, 430, 479, 480, 600, 1280):
                page.set_viewport_size({"width": width, "height": 700})
                measured = page.evaluate(MEASURE_FACES)
                where = (font, width)
                assert measured["wide"] == width, where
                links = measured["links"]
                assert len(links) == 5, where
                assert all(box["width"] >= 44 and box["height"] >= 44 for box in links), where
                cells = [box["width"] for box in measured["cells"]]
                assert max(cells) - min(cells) <= 1, where
                assert (len({box["y"] for box in links}) == 1) is (width >= 480), where

    @pytest.mark.parametrize("what", ["html", "body"])
    def test_without_css_and_images_every_face_is_a_link_with_its_words(self, show, what):
        html = getattr(make_mail(), what)
        html = re.sub(r"(?s)<style>.*?</style>", "", html)
        html = re.sub(r' (style|bgcolor|width|class)="[^"]*"', "", html)
        page = show(html)
        for rating, label in LABELS.items():
            link = page.get_by_role("link", name=label, exact=True)
            assert link.is_visible()
            assert link.get_attribute("href").endswith(f"&rating={rating}")
            assert FACES[rating] in link.inner_text()
        assert page.get_by_role("link", name="Open the survey").is_visible()

    def test_it_is_dark_where_the_customer_wants_it_dark(self, show):
        def ground(scheme):
            page = show(make_mail().html, color_scheme=scheme)
            return page.evaluate("getComputedStyle(document.querySelector('.paper')).background")

        assert ground("light") != ground("dark")
